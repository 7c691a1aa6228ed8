import type { DmExperiment } from "../../wire/index.ts"
import type { Command } from "../command.ts"
import { showJson, showRows } from "../output.ts"

export const experiments: Command = {
  usage: "experiments [NAME | ID]",
  what: "experiments of the station, newest first; or one in full",
  async run(invocation) {
    invocation.expectWords(0, 1, "experiment")
    const { ds } = invocation.client
    const [name] = invocation.words
    const signal = invocation.terminal.interrupt
    if (name === undefined) {
      const station = invocation.client.station
      showRows(
        invocation,
        await ds.getExperimentsByStation(undefined, { signal }),
        [
          ["id", row => row.id],
          ["name", row => row.name],
          ["type", row => row.experimentType?.name],
          ["start", row => row.startDate],
          ["end", row => row.endDate],
          ["description", row => row.description],
        ],
        `station ${station} has no experiments`,
      )
      return 0
    }
    const found = await (/^\d+$/.test(name)
      ? ds.getExperimentById(name, { signal })
      : ds.getExperimentByName(name, { signal }))
    if (invocation.json) showJson(invocation, found)
    else
      showRows(
        invocation,
        facts(found),
        [
          ["member", ([key]) => key],
          ["value", ([, value]) => value],
        ],
        "",
      )
    if (found.dataDirectory === undefined) {
      invocation.terminal.err(`${name} has no data directory: DM cannot store data in it\n`)
      return 1
    }
    return 0
  },
}

const facts = (found: DmExperiment): [string, unknown][] =>
  Object.entries(found).map(([key, value]) => {
    const name = (value as { name?: unknown } | null | undefined)?.name
    return [key, Array.isArray(value) ? value.join(", ") : (name ?? value)]
  })
