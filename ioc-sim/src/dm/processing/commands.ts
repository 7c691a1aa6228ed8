import { messageOf } from "../errors.ts"
import { abortable } from "../time/tasks.ts"
import { wildcard } from "../wildcard.ts"
import type { Variables } from "./variables.ts"

/** How a command ended. */
export interface CommandResult {
  /** Default 0. */
  readonly exitStatus?: number
  readonly stdOut?: string
  readonly stdErr?: string
  /** s that the command takes. Default: the service's `commandSeconds`; 0 for a function, which takes its own time. */
  readonly seconds?: number
}

/** What a TypeScript function that plays a command gets to know and may do. */
export interface StageContext {
  readonly jobId: string
  readonly workflow: string
  readonly stage: string
  /** With all variables filled in. */
  readonly command: string
  /** Arguments of the job and output variables so far. */
  readonly variables: Variables
  /** 0 at first, counting up with `repeatUntil`. */
  readonly repeat: number
  /** Aborted when the job is, or the service closes. */
  readonly signal: AbortSignal
  /** s since 1970, on the service's clock. */
  time(): number
  sleep(seconds: number): Promise<void>
  /** Waits for something outside the service, so that a hand-moved clock does not wait for it. */
  outside<T>(promise: Promise<T>): Promise<T>
  /** The job's input file on this machine: `filePath` as it is, or in the experiment's data or storage directory. */
  inputFile(): Promise<string>
  /**
   * Writes a result below the analysis directory of the job's experiment and enters it in the catalogue. Gives the
   * absolute path. The experiment is named by the job's argument `experimentName` or `experiment`.
   */
  store(path: string, contents: string | Uint8Array): Promise<string>
}

export type CommandFunction = (
  context: StageContext,
) => CommandResult | undefined | Promise<CommandResult | undefined>

/** Plays the commands it fits; all given conditions must hold. Nothing is ever run in a shell. */
export interface CommandRule {
  /** Name of the workflow. */
  readonly workflow?: string
  /** Id of the stage. */
  readonly stage?: string
  /** Wildcard (`*`, `?`, `[…]`) or regular expression for the command after substitution. */
  readonly command?: string | RegExp
  /** The same result each time, or a function. A function that throws fails the stage with its message on stderr. */
  readonly play: CommandResult | CommandFunction
}

/** So that simple workflows need no script. What none of the rules fits ends as a shell's "not found". */
const builtIn: readonly CommandRule[] = [
  { command: /^(\/(usr\/)?bin\/)?true\b/, play: {} },
  { command: /^(\/(usr\/)?bin\/)?false\b/, play: { exitStatus: 1 } },
  {
    command: /^(\/(usr\/)?bin\/)?date( \+%s)?$/,
    play: ({ time }) => ({ stdOut: `${Math.floor(time())}\n` }),
  },
  {
    command: /^(\/(usr\/)?bin\/)?echo\b/,
    play: ({ command }) => ({ stdOut: `${command.replace(/^\S+ ?/, "")}\n` }),
  },
  {
    command: /^(\/(usr\/)?bin\/)?sleep \d+(\.\d+)?$/,
    play: ({ command }) => ({ seconds: Number(command.split(" ")[1]) }),
  },
]

/** The scripted commands; rules may be added while the service runs, the newest come first. */
export class Commands {
  readonly #rules: CommandRule[]
  readonly #seconds: number

  constructor(rules: readonly CommandRule[], commandSeconds: number) {
    this.#rules = [...rules]
    this.#seconds = commandSeconds
  }

  add(...rules: readonly CommandRule[]): void {
    this.#rules.unshift(...rules)
  }

  /** Never rejects, except when the job is cancelled. */
  async play(context: StageContext): Promise<Required<CommandResult>> {
    const rule = [...this.#rules, ...builtIn].find(r => fits(r, context))
    if (rule === undefined) {
      const [word = ""] = context.command.split(" ")
      return this.#complete(
        { exitStatus: 127, stdErr: `${word}: command not found (no rule plays it)\n` },
        this.#seconds,
      )
    }
    if (typeof rule.play !== "function") return this.#complete(rule.play, this.#seconds)
    try {
      const played = await abortable(Promise.resolve(rule.play(context)), context.signal)
      return this.#complete(played ?? {}, 0)
    } catch (error) {
      if (context.signal.aborted) throw context.signal.reason
      return this.#complete({ exitStatus: 1, stdErr: `${messageOf(error)}\n` }, 0)
    }
  }

  #complete(result: CommandResult, seconds: number): Required<CommandResult> {
    return { exitStatus: 0, stdOut: "", stdErr: "", seconds, ...result }
  }
}

function fits(rule: CommandRule, context: StageContext): boolean {
  if (rule.workflow !== undefined && rule.workflow !== context.workflow) return false
  if (rule.stage !== undefined && rule.stage !== context.stage) return false
  if (rule.command === undefined) return true
  return typeof rule.command === "string"
    ? wildcard(rule.command)(context.command)
    : rule.command.test(context.command)
}
