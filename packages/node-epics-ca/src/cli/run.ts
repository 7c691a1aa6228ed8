import { NetConfigError } from "@ophyd-ts/epics-net"
import { CaError } from "../errors.ts"
import { doctor, doctorHelp } from "./doctor.ts"
import { get, getHelp } from "./get.ts"
import { info, infoHelp, search, searchHelp } from "./info.ts"
import { type CliIo, EXIT, UsageError } from "./io.ts"
import { monitor, monitorHelp } from "./monitor.ts"
import { put, putHelp } from "./put.ts"

const commands: Record<
  string,
  { run: (args: readonly string[], io: CliIo) => Promise<number>; help: string }
> = {
  get: { run: get, help: getHelp },
  put: { run: put, help: putHelp },
  monitor: { run: monitor, help: monitorHelp },
  info: { run: info, help: infoHelp },
  search: { run: search, help: searchHelp },
  doctor: { run: doctor, help: doctorHelp },
}

const help = `Channel Access from the command line. The EPICS_CA_* variables say where to search.\n\n${Object.values(
  commands,
)
  .map(command => command.help)
  .join("\n\n")}\n\nExit code: 0 done, 1 something failed, 2 wrong command line.`

/** Runs one command line; returns its exit code. What can go wrong is printed, not thrown. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const [name = "help", ...rest] = args
  if (["help", "-h", "--help"].includes(name)) {
    io.out(help)
    return EXIT.ok
  }
  const command = commands[name]
  if (command === undefined) {
    io.err(`there is no command "${name}"; try epics-ca help`)
    return EXIT.usage
  }
  if (rest.includes("-h") || rest.includes("--help")) {
    io.out(command.help)
    return EXIT.ok
  }
  try {
    return await command.run(rest, io)
  } catch (error) {
    if (error instanceof UsageError) {
      io.err(`${error.message}\n\n${command.help}`)
      return EXIT.usage
    }
    if (!(error instanceof CaError || error instanceof NetConfigError)) throw error
    io.err(error.message)
    return error instanceof NetConfigError ? EXIT.usage : EXIT.failed
  }
}
