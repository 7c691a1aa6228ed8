import { DmError } from "../../errors.ts"
import { type Command, routesVariable, setupVariable, spoolVariable } from "../command.ts"
import { showRows } from "../output.ts"

const names: Readonly<Record<string, string>> = {
  "urls.ds": "DM_DS_WEB_SERVICE_URL",
  "urls.daq": "DM_DAQ_WEB_SERVICE_URL",
  "urls.cat": "DM_CAT_WEB_SERVICE_URL",
  "urls.proc": "DM_PROC_WEB_SERVICE_URL",
  "urls.aps": "DM_APS_DB_WEB_SERVICE_URL",
  station: "DM_STATION_NAME",
  loginFile: "DM_LOGIN_FILE",
}

interface Row {
  readonly name: string
  readonly value: string | null
  readonly origin: string
}

export const config: Command = {
  usage: "config",
  what: "which setting has which value, and where it came from; nothing is contacted",
  async run(invocation) {
    invocation.expectWords(0, 0, "")
    const { config, setupFile, routesFile, spool } = invocation
    const rows: Row[] = Object.entries(names).map(([name, variable]) => {
      const entry = config.entries.find(found => found.name === name)
      return { name, value: entry?.value ?? null, origin: entry?.origin ?? `not set (${variable})` }
    })
    const given = (name: string, value: string | undefined, origin: string) => ({
      name,
      value: value ?? null,
      origin,
    })
    const { environment } = invocation.terminal
    const { username, problem } = account(() => config.username())
    rows.push(
      given("username", username, problem ?? "login file"),
      // What it is stays where it is.
      given("password", undefined, problem === null ? "login file (not shown)" : "not set"),
      given("caFile", config.caFile ?? undefined, config.caFile === null ? "not set (--ca)" : "explicit"),
      given("insecure", String(config.insecure), config.insecure ? "explicit" : "default"),
      given(
        "timeout",
        `${config.timeout} s`,
        invocation.text("request-timeout") === undefined ? "default" : "explicit",
      ),
      file("setup file", setupFile, invocation.text("setup"), setupVariable),
      file("routes", routesFile, invocation.text("routes"), routesVariable),
      given(
        "spool",
        spool.directory,
        invocation.text("spool") !== undefined
          ? "explicit"
          : environment[spoolVariable]
            ? "environment"
            : "default",
      ),
    )
    showRows(
      invocation,
      rows,
      [
        ["setting", row => row.name],
        ["value", row => row.value],
        ["from", row => row.origin],
      ],
      "",
    )
    return 0
  },
}

function file(name: string, value: string | null, option: string | undefined, variable: string): Row {
  const found = option === undefined ? "environment" : "explicit"
  return { name, value, origin: value === null ? `not set (${variable})` : found }
}

function account(find: () => string): { username: string | undefined; problem: string | null } {
  try {
    return { username: find(), problem: null }
  } catch (error) {
    if (!(error instanceof DmError)) throw error
    return { username: undefined, problem: error.message }
  }
}
