import { CaClient } from "../client/client.ts"
import type { CaPutValue } from "../client/put-value.ts"
import { formatOf, numberOption, read, shared } from "./arguments.ts"
import { jsonOf, nameColumn, valueText } from "./format.ts"
import { type CliIo, EXIT, UsageError } from "./io.ts"

export const putHelp = `epics-ca put [options] NAME VALUE…
  -c          wait until all that the write starts has finished (no time limit unless -w)
  -a          write an array: one VALUE per element
  -S          write text into a char array
  -w SECONDS  wait so long (5)      -t     new value only
  -n          enum as number        --json one JSON object: the new value`

export async function put(args: readonly string[], io: CliIo): Promise<number> {
  const { values, positionals } = read(args, {
    ...shared,
    complete: { type: "boolean", short: "c" },
    array: { type: "boolean", short: "a" },
  })
  const [name, ...texts] = positionals
  if (name === undefined || texts.length === 0) throw new UsageError("a PV name and a value are needed")
  if (texts.length > 1 && !values.array) throw new UsageError("several values need -a")
  const timeout = numberOption(values.timeout, "-w", 5)
  const format = formatOf({ ...values, text: true })
  await using client = new CaClient(io.config)
  const channel = client.channel(name)
  await channel.connect({ timeout, signal: io.stop })
  const numeric = channel.nativeType !== "string" && channel.nativeType !== "enum" && !values.text
  const old = channel.readable ? await channel.get({ metadata: true, timeout, signal: io.stop }) : undefined
  const elements = numeric ? texts.map(toNumber) : texts
  const value = (values.array ? elements : elements[0]) as CaPutValue
  const limit = values.complete && values.timeout === undefined ? {} : { timeout }
  await channel.put(value, { completion: values.complete ?? false, signal: io.stop, ...limit })
  if (old === undefined) return EXIT.ok
  const reading = await channel.get({ metadata: true, timeout, signal: io.stop })
  if (values.json) {
    io.out(JSON.stringify(jsonOf(name, reading)))
  } else if (values.terse) {
    io.out(valueText(reading, format))
  } else {
    io.out(`Old : ${nameColumn(name)} ${valueText(old, format)}`)
    io.out(`New : ${nameColumn(name)} ${valueText(reading, format)}`)
  }
  return EXIT.ok
}

/** A number where it is one; other text goes to the server, which says what is wrong with it. */
function toNumber(text: string): number | string {
  if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity
  if (/^nan$/i.test(text)) return Number.NaN
  const value = Number(text)
  return text.trim() === "" || Number.isNaN(value) ? text : value
}
