import { MissingProtocol } from "../../errors.ts"
import type { Command, Message, Result } from "../../messages.ts"
import type { Execution } from "../execution.ts"
import type { Waiting } from "../waiting.ts"

/**
 * Carries out one command. An async handler must not give a status as its result: a status is thenable, so the
 * promise would wait for it.
 */
export type Handler<C extends Command> = (
  x: Execution,
  message: Message<C>,
) => Result<C> | Promise<Result<C>> | Waiting<Result<C>>

export type Handlers<C extends Command = Command> = { readonly [K in C]: Handler<K> }

/** Throws an error that names the member which the object lacks. */
export function need(command: Command, obj: unknown, ...members: string[]): void {
  for (const member of members) {
    if (typeof (obj as Record<string, unknown> | null)?.[member] !== "function") {
      throw new MissingProtocol(command, obj, member)
    }
  }
}
