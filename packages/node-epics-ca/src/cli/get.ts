import { CaClient } from "../client/client.ts"
import { formatOf, namesOf, numberOption, presentationOf, read, shared } from "./arguments.ts"
import { alarmText, jsonOf, nameColumn, timeText, valueText } from "./format.ts"
import { type CliIo, EXIT } from "./io.ts"

export const getHelp = `epics-ca get [options] NAME…
  -a          also time stamp and alarm       -t        value only
  -w SECONDS  wait so long (5)                -# COUNT  elements at most
  -S          char array as text              -n        enum as number
  -s          let the server make text of it  -g DIGITS significant digits (6)
  --json      one JSON object per line`

export async function get(args: readonly string[], io: CliIo): Promise<number> {
  const { values, positionals } = read(args, { ...shared, all: { type: "boolean", short: "a" } })
  const names = namesOf(positionals)
  const timeout = numberOption(values.timeout, "-w", 5)
  const format = formatOf(values)
  await using client = new CaClient(io.config)
  const results = await client.get(names, {
    ...presentationOf(values),
    metadata: true,
    settle: true,
    timeout,
    signal: io.stop,
  })
  let failed = false
  for (const [i, result] of results.entries()) {
    const name = names[i]!
    if (result instanceof Error) {
      failed = true
      if (values.json) io.out(JSON.stringify({ name, error: { code: result.code, message: result.message } }))
      else io.err(result.message)
    } else if (values.json) {
      io.out(JSON.stringify(jsonOf(name, result)))
    } else if (values.terse) {
      io.out(valueText(result, format))
    } else if (values.all) {
      const stamp = timeText(result.seconds, result.nanoseconds)
      io.out(`${nameColumn(name)} ${stamp} ${valueText(result, format)} ${alarmText(result)}`.trimEnd())
    } else {
      io.out(`${nameColumn(name)} ${valueText(result, format)}`)
    }
  }
  return failed ? EXIT.failed : EXIT.ok
}
