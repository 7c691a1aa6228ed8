export * from "./images/index.ts"
