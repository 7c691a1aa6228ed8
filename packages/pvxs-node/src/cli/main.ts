import { parseArgs } from "node:util"
import { PvaError } from "../errors.ts"
import { commands } from "./commands.ts"

export const usage = `pvx: pvAccess from the command line

  pvx get NAME...                 read channels
  pvx put NAME VALUE...           write: words of an array, an enum's label or number, member=value, or JSON
  pvx monitor NAME...             follow channels until interrupted
  pvx info NAME...                types of channels
  pvx call NAME [ARG=VALUE]...    call a remote procedure
  pvx list [HOST[:PORT]|GUID]...  servers that answer, or the names of some
  pvx doctor [NAME]...            where it looks, what it finds, and what may be wrong

  -r, --request TEXT    fields and options, such as field(value)record[queueSize=10]
  -w, --timeout S       seconds to wait for an answer (default 5); a monitor waits on, and says so
  -c, --completion      put: wait until the record has finished processing
  -n, --count N         monitor: end after N updates of each channel
  -v, --full            all members and all elements
  -j, --json            one JSON value per line
  -s, --server LIST     name servers instead of EPICS_PVA_NAME_SERVERS: HOST[:PORT],...
  -h, --help

Servers are found as EPICS_PVA_ADDR_LIST, EPICS_PVA_AUTO_ADDR_LIST and EPICS_PVA_NAME_SERVERS say.`

/** `-1`, `-.5`, `-inf`. */
const negative = /^-(\.?\d|inf(inity)?$)/i

/** Where a run of the program prints, and what ends it. */
export interface Terminal {
  readonly signal: AbortSignal
  print(line: string): void
  complain(line: string): void
}

/** What is wrong with the words of a command line, if anything is. */
function mistake(
  name: string,
  words: readonly string[],
  known: boolean,
  timeout: number,
  count: number,
): string | undefined {
  if (name === "") return usage
  if (!known) return `there is no command "${name}", but: ${Object.keys(commands).join(", ")}; see pvx --help`
  const least = name === "list" || name === "doctor" ? 0 : name === "put" ? 2 : 1
  if (words.length < least)
    return `pvx ${name} takes ${least === 2 ? "a NAME and a VALUE" : "at least one NAME"}; see pvx --help`
  if (!(timeout > 0)) return "--timeout takes a number of seconds above 0"
  const counts = count === Number.POSITIVE_INFINITY || (Number.isInteger(count) && count > 0)
  return counts ? undefined : "--count takes a whole number above 0"
}

/** Runs one command; the exit status is 0, 1 when something failed, 2 when the words or the settings made no sense. */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const { positionals, values } = parseArgs({
      // A negative number is a value, not an option.
      args: argv.map(word => (negative.test(word) ? ` ${word}` : word)),
      allowPositionals: true,
      options: {
        request: { type: "string", short: "r", default: "" },
        timeout: { type: "string", short: "w", default: "5" },
        completion: { type: "boolean", short: "c", default: false },
        count: { type: "string", short: "n", default: "Infinity" },
        full: { type: "boolean", short: "v", default: false },
        json: { type: "boolean", short: "j", default: false },
        server: { type: "string", short: "s" },
        help: { type: "boolean", short: "h", default: false },
      },
    })
    const [name = "", ...words] = positionals
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    const timeout = Number(values.timeout)
    const count = Number(values.count)
    if (values.help || name === "help") {
      terminal.print(usage)
      return 0
    }
    const wrong = mistake(name, words, command !== undefined, timeout, count)
    if (wrong !== undefined) {
      terminal.complain(wrong)
      return 2
    }
    const config = values.server === undefined ? {} : { nameServers: values.server.split(",") }
    const { request, json, full, completion } = values
    const clean = words.map(word =>
      word.startsWith(" ") && negative.test(word.slice(1)) ? word.slice(1) : word,
    )
    return await command!({
      ...terminal,
      words: clean,
      config,
      timeout,
      count,
      request,
      json,
      full,
      completion,
    })
  } catch (error) {
    terminal.complain(error instanceof Error ? error.message : String(error))
    return error instanceof PvaError ? 1 : 2
  }
}
