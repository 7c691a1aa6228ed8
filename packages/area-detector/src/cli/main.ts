import { parseArgs } from "node:util"
import { type EpicsClients, EpicsError } from "@ophyd-ts/epics"
import { type ContrastLimits, contrast } from "../images/export/limits.ts"
import { framePng } from "../images/export/png.ts"
import {
  CaFrames,
  decodeFrame,
  type Frame,
  type FrameSource,
  ImageError,
  PvaFrames,
} from "../images/index.ts"

export const usage = `ad-image: a frame of an area detector as a PNG picture

  ad-image PV [--out FILE]

  PV                    an NTNDArray, such as S1:Pva1:Image, or ca://S1:image1: for a StdArrays plugin
  -o, --out FILE        the picture; without it the frame is only described
  -l, --limits LOW,HIGH pixel values that are drawn black and white
  -p, --percentiles LOW,HIGH
                        the same as shares of the pixels, such as 1,99.5 against hot pixels
  -n, --next            wait for a new frame in place of taking the one that is there
  -w, --timeout S       seconds to wait (default 10)
  -h, --help

Without limits the smallest pixel is black and the largest white; colours of 8 bits are as they are.
Servers are found as the variables EPICS_PVA_... and EPICS_CA_... say.
Exit status: 0 done, 1 no frame or no picture, 2 wrong command line.`

/** What surrounds a run of the program. */
export interface Surroundings {
  print(line: string): void
  complain(line: string): void
  write(file: string, bytes: Uint8Array): Promise<void>
  readonly signal: AbortSignal
  /** Default: those of the process. */
  readonly clients?: EpicsClients
}

class UsageError extends Error {}

interface Request {
  readonly pv: string
  readonly out: string | undefined
  readonly limits: ContrastLimits | undefined
  readonly next: boolean
  readonly timeout: number
}

/** Runs the program; gives its exit status. */
export async function main(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const { print, complain } = surroundings
  try {
    const request = understand(argv)
    if (request === "help") {
      print(usage)
      return 0
    }
    await draw(request, surroundings)
    return 0
  } catch (error) {
    const isUsage =
      error instanceof UsageError || (error instanceof EpicsError && error.code === "BAD_ADDRESS")
    complain(error instanceof Error ? error.message : String(error))
    if (isUsage) complain("try ad-image --help")
    return isUsage ? 2 : 1
  }
}

async function draw(request: Request, { print, write, signal, clients }: Surroundings): Promise<void> {
  const { pv, out, limits, timeout } = request
  const frames = sourceOf(pv, clients)
  const call = { timeout, signal }
  const frame = await decodeFrame(await (request.next ? frames.next(call) : frames.get(call)))
  print(
    `${frame.source}: ${frame.describe()}, ${describeTime(frame)}, pixels ${contrast(frame.data, "minmax").join(" to ")}`,
  )
  if (out === undefined) return
  const png = await framePng(frame, { limits })
  await write(out, png).catch(cause => {
    throw new ImageError("IMAGE_INPUT", `cannot write ${out}: ${(cause as Error).message}`, { cause })
  })
  print(`${out}: ${frame.width} × ${frame.height}, ${png.length} bytes`)
}

const sourceOf = (pv: string, clients: EpicsClients = {}): FrameSource =>
  pv.startsWith("ca://")
    ? new CaFrames(pv, { client: clients.ca })
    : new PvaFrames(pv, { client: clients.pva })

const describeTime = (frame: Frame): string =>
  frame.time > 0 ? new Date(frame.time * 1000).toISOString() : "without a time"

function understand(argv: readonly string[]): Request | "help" {
  const { positionals, values } = parse(argv)
  if (values.help) return "help"
  const [pv, ...others] = positionals
  if (pv === undefined || others.length > 0) throw new UsageError("give one PV")
  const timeout = Number(values.timeout)
  if (!(timeout > 0)) throw new UsageError(`--timeout is a number of seconds above 0, not ${values.timeout}`)
  if (values.limits !== undefined && values.percentiles !== undefined) {
    throw new UsageError("give either --limits or --percentiles")
  }
  const percentiles = pair("--percentiles", values.percentiles)
  const limits = percentiles === undefined ? pair("--limits", values.limits) : { percentiles }
  // Tells of limits that make no sense before anything is asked of a detector.
  if (limits !== undefined) {
    try {
      contrast(new Uint8Array(1), limits)
    } catch (error) {
      throw new UsageError((error as Error).message)
    }
  }
  return { pv, out: values.out, limits, next: values.next, timeout }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      // A pair that begins with a negative number is a value, not an option.
      args: argv.map((word, i) =>
        /^-\d/.test(word) && /^-(-limits|l)$/.test(argv[i - 1] ?? "") ? ` ${word}` : word,
      ),
      allowPositionals: true,
      options: {
        out: { type: "string", short: "o" },
        limits: { type: "string", short: "l" },
        percentiles: { type: "string", short: "p" },
        next: { type: "boolean", short: "n", default: false },
        timeout: { type: "string", short: "w", default: "10" },
        help: { type: "boolean", short: "h", default: false },
      },
    })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function pair(option: string, text: string | undefined): readonly [number, number] | undefined {
  if (text === undefined) return undefined
  const numbers = text.split(",").map(Number)
  const [low, high] = numbers
  if (numbers.length !== 2 || !numbers.every(Number.isFinite)) {
    throw new UsageError(`${option} takes two numbers, such as 0,4095, not ${text}`)
  }
  return [low!, high!]
}
