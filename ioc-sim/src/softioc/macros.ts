/** Macros in the form in which an IOC is given them. */
import { IocSimError } from "../errors.ts"

/**
 * `NAME=value,NAME=value`.
 * @throws IocSimError `bad-argument` for what the IOC would read as something else.
 */
export function macroText(macros: Readonly<Record<string, string>>): string {
  return Object.entries(macros)
    .map(([name, value]) => {
      if (!/^\w+$/.test(name))
        throw new IocSimError("bad-argument", `macro name ${JSON.stringify(name)} is no word`)
      if (/[,"'\\]/.test(value)) {
        throw new IocSimError("bad-argument", `macro ${name}: ${JSON.stringify(value)} holds , " ' or \\`)
      }
      return `${name}=${value}`
    })
    .join(",")
}
