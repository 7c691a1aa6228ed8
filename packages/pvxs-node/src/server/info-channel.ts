import { ntScalarArray } from "../nt/scalar.ts"
import { readQuery } from "../nt/table.ts"
import { create } from "../values/create.ts"
import { structure, t } from "../values/field-type.ts"
import { SharedPv } from "./shared-pv.ts"

/** The channel of this name lets tools such as pvlist browse a server. */
export const infoChannelName = "server"

const infoType = structure("", { implLang: t.string, version: t.string })
const helpType = structure("", { value: t.string })
const help = 'call with op="channels" for the names this server has, op="info" for what it is'

/** The PV that answers what the server has and what it is. */
export function infoChannel(names: () => readonly string[]): SharedPv {
  return new SharedPv(structure("", {}), {
    onRpc: argument => {
      const { op } = readQuery(argument)
      if (op === "channels") return create(ntScalarArray("string"), { value: names() })
      if (op === "info")
        return create(infoType, {
          implLang: "typescript",
          version: "pvxs-node",
        })
      if (op === "help") return create(helpType, { value: help })
      throw new Error(help)
    },
  })
}
