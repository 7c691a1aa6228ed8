import { createInterface } from "node:readline"
import type { RunEngine } from "../engine/run-engine.ts"
import type { EngineState } from "../engine/states.ts"

export type Choice = "resume" | "stop" | "abort" | "halt"

export interface InterruptOptions {
  /** Receives what the operator should read, lines and all. */
  write: (text: string) => void
  /** Asks what to do with a paused plan, until the signal says it is decided; default: a prompt on the terminal. */
  ask?: (signal: AbortSignal) => Promise<Choice>
  /** Seconds within which a second press counts as one; default 10. */
  patience?: number
  /** What a second press does to a running plan: pause at once and ask (default), or abort with clean-up. */
  second?: "pause" | "abort"
  /** Where interrupts come from; default this process. */
  source?: { on(event: "SIGINT", fn: () => void): unknown; off(event: "SIGINT", fn: () => void): unknown }
  /** Seconds on a clock that never jumps. */
  now?: () => number
}

/** What an interrupt does, given the engine's state and whether it is the second within the patience. */
export function reaction(
  state: EngineState,
  second: boolean,
  onSecond: "pause" | "abort" = "pause",
): "exit" | "defer" | "pause" | "abort" | "halt" | "warn" | "none" {
  switch (state) {
    case "idle":
      return "exit"
    case "running":
    case "suspending":
      return second ? onSecond : "defer"
    case "pausing":
      return second ? "abort" : "none"
    case "paused":
      return "abort"
    case "stopping":
    case "aborting":
      return second ? "halt" : "warn"
    case "halting":
      return "none"
  }
}

/**
 * Ctrl-C for plans. Once: pause at the next checkpoint, then ask: resume, stop, abort or halt. Twice within ten seconds:
 * pause at once and ask, or abort. While finalisers run after a stop or an abort: the first press says so, a second one halts.
 * At the question it aborts. With no plan running the process ends. Disposing removes the handler.
 */
export function handleInterrupts(RE: RunEngine, options: InterruptOptions): Disposable {
  const { write, patience = 10, source = process } = options
  const now = options.now ?? (() => performance.now() / 1000)
  const ask = options.ask ?? ((signal: AbortSignal) => askOnTerminal(write, signal))
  let last = Number.NEGATIVE_INFINITY
  let question: AbortController | null = null

  const decide = async () => {
    if (question !== null || RE.state !== "paused") return
    question = new AbortController()
    const choice = await ask(question.signal).catch((): Choice => "abort")
    question = null
    if (RE.state === "paused") await RE[choice]()
  }
  // The plan's own promise reports how it ends; nobody waits for this one.
  const quietly = (promise: Promise<unknown>) => void promise.catch(() => {})
  const pause = (defer: boolean) =>
    quietly(
      RE.requestPause({ defer }).then(state => {
        if (state === "paused") return decide()
      }),
    )
  const onInterrupt = () => {
    const time = now()
    const second = time - last <= patience
    last = time
    const what = reaction(RE.state, second, options.second)
    if (what === "exit") {
      write("\n")
      process.exit(130)
    } else if (what === "defer") {
      write(
        `\nA pause comes at the next checkpoint. Ctrl-C again within ten seconds ${options.second === "abort" ? "aborts" : "pauses at once"}.\n`,
      )
      pause(true)
    } else if (what === "pause") {
      write("\nPausing at once.\n")
      pause(false)
    } else if (what === "abort") {
      write("\nAborting: the plan's clean-up runs.\n")
      quietly(RE.abort("interrupted by the operator"))
      question?.abort()
    } else if (what === "warn") {
      write("\nThe plan's clean-up is running. Ctrl-C again within ten seconds skips it.\n")
    } else if (what === "halt") {
      write("\nHalting: the plan's clean-up is skipped.\n")
      quietly(RE.halt("halted by the operator"))
    }
  }
  source.on("SIGINT", onInterrupt)
  return { [Symbol.dispose]: () => void source.off("SIGINT", onInterrupt) }
}

const letters: Record<string, Choice> = { r: "resume", s: "stop", a: "abort", h: "halt" }

/** Asks on the terminal what to do with a paused plan. The end of the input counts as abort. */
export async function askOnTerminal(write: (text: string) => void, signal?: AbortSignal): Promise<Choice> {
  const terminal = createInterface({ input: process.stdin, ...(signal && { signal }) })
  try {
    write(
      "The plan is paused.\n  r  resume from the last checkpoint\n  s  stop (clean-up, exit status success)\n",
    )
    write("  a  abort (clean-up, exit status abort)\n  h  halt (no clean-up of the plan)\n> ")
    for await (const line of terminal) {
      const choice = letters[line.trim().toLowerCase()[0] ?? ""]
      if (choice !== undefined) return choice
      write("r, s, a or h > ")
    }
    return "abort"
  } finally {
    terminal.close()
  }
}
