import { readFileSync } from "node:fs"
import { z } from "zod"
import { ConfigurationError } from "../errors.ts"
import { DmRoutes, dmServices } from "../wire/index.ts"

const members = z.record(z.string(), z.enum(["plain", "encoded", "json"]))
const changes = z.record(
  z.string(),
  z.strictObject({
    service: z.enum([...dmServices, "any"]).optional(),
    verb: z.enum(["GET", "POST", "PUT", "DELETE"]).optional(),
    path: z.string().optional(),
    query: members.optional(),
    form: members.optional(),
  }),
)

/**
 * The route table with the rows that a site has corrected in a JSON file: `{"stopDaq": {"path": "/daqs/stop"}}`.
 * @throws ConfigurationError that names the file, the row and what is wrong with it.
 */
export function dmRoutesFromFile(path: string): DmRoutes {
  try {
    const found = changes.parse(JSON.parse(readFileSync(path, "utf8")))
    return new DmRoutes().with(found as Parameters<DmRoutes["with"]>[0])
  } catch (cause) {
    const issue = cause instanceof z.ZodError ? cause.issues[0] : undefined
    const where = issue === undefined ? "" : `${issue.path.join(".")}: `
    const why = issue?.message ?? (cause as Error).message
    throw new ConfigurationError(`DM routes in ${path}: ${where}${why}`, { cause })
  }
}
