import type { AnyHandler } from "../services.ts"
import { control } from "./control.ts"
import { moves } from "./moves.ts"
import { runs } from "./runs.ts"
import { staging } from "./staging.ts"

/** Handlers of all commands of this package. */
export const builtin = (): Map<string, AnyHandler> =>
  new Map(Object.entries({ ...moves, ...runs, ...staging, ...control }) as [string, AnyHandler][])
