/** Plan stubs: the small pieces that plans are made of. Use them with `yield*`. */
export * from "./control.ts"
export * from "./flying.ts"
export * from "./moves.ts"
export { rd } from "./position.ts"
export * from "./reading.ts"
export * from "./runs.ts"
export * from "./staging.ts"
export * from "./steps.ts"
