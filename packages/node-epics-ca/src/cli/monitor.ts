import { CaClient } from "../client/client.ts"
import type { CaEvent } from "../client/options.ts"
import type { DbrReading } from "../wire/dbr-value.ts"
import { formatOf, namesOf, numberOption, presentationOf, read, shared } from "./arguments.ts"
import { alarmText, jsonOf, nameColumn, timeText, valueText } from "./format.ts"
import { type CliIo, EXIT, UsageError } from "./io.ts"

export const monitorHelp = `epics-ca monitor [options] NAME…
  -m MASK     events: v value, a alarm, l log, p property (va)
  -N UPDATES  end after so many updates          -# COUNT  elements at most
  -w SECONDS  report names not connected by then (5)
  -S          char array as text                 -n        enum as number
  -s          let the server make text of it     -g DIGITS significant digits (6)
  --json      one JSON object per update         -t        value only`

const letters: Record<string, CaEvent> = { v: "value", a: "alarm", l: "log", p: "property" }

export async function monitor(args: readonly string[], io: CliIo): Promise<number> {
  const { values, positionals } = read(args, {
    ...shared,
    mask: { type: "string", short: "m" },
    updates: { type: "string", short: "N" },
  })
  const names = namesOf(positionals)
  if (values.mask === "") throw new UsageError("-m: give some of v, a, l, p")
  const events = [...(values.mask ?? "va")].map(letter => {
    const event = letters[letter]
    if (event === undefined) throw new UsageError(`-m: "${letter}" is none of v, a, l, p`)
    return event
  })
  const format = formatOf(values)
  const timeout = numberOption(values.timeout, "-w", 5)
  let left = numberOption(values.updates, "-N", Number.POSITIVE_INFINITY, { least: 1 })
  let failed = false
  await using client = new CaClient(io.config)
  await new Promise<void>(resolve => {
    let ended = false
    const end = (): void => {
      ended = true
      resolve()
    }
    const report = ({ message }: Error): void => {
      if (ended) return
      failed = true
      io.err(message)
    }
    io.stop.addEventListener("abort", end)
    const show = (name: string, reading: DbrReading): void => {
      if (left <= 0) return
      left -= 1
      if (values.json) io.out(JSON.stringify(jsonOf(name, reading)))
      else if (values.terse) io.out(valueText(reading, format))
      else {
        const stamp = timeText(reading.seconds, reading.nanoseconds)
        io.out(`${nameColumn(name)} ${stamp} ${valueText(reading, format)} ${alarmText(reading)}`.trimEnd())
      }
      if (left <= 0) end()
    }
    const watch = async (name: string): Promise<void> => {
      const channel = client.channel(name)
      channel.events.on("disconnected", () => {
        if (!ended) io.err(`${nameColumn(name)} *** disconnected`)
      })
      await channel.connect({ timeout, signal: io.stop }).catch((error: Error) => {
        report(error)
        return channel.connect({ timeout: Number.POSITIVE_INFINITY, signal: io.stop })
      })
      // Labels come with a reading of their own.
      const labels = channel.nativeType === "enum" && !values.number
      const metadata = labels ? (await channel.get({ metadata: true, timeout })).metadata : undefined
      channel.monitor({
        ...presentationOf(values),
        events,
        onUpdate: reading => show(name, labelled(reading, metadata)),
        onError: ({ message }) => io.err(message),
      })
    }
    for (const name of names) watch(name).catch(report)
  })
  return failed ? EXIT.failed : EXIT.ok
}

/** The reading with the labels of its channel. */
const labelled = (reading: DbrReading, metadata: DbrReading["metadata"]): DbrReading =>
  metadata === undefined
    ? reading
    : Object.assign(Object.create(Object.getPrototypeOf(reading)), reading, { metadata })
