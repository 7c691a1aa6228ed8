export { interruptible, uninterrupted } from "../engine/region.ts"
/** Preprocessors: they wrap one plan in another. */
export * from "./insert.ts"
export * from "./mutate.ts"
export {
  type Contingency,
  contingency,
  finalize,
  type PlanSource,
  rewindable,
  run,
  stage,
  subs,
  suspend,
} from "./wrap.ts"
