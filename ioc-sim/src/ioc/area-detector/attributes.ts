/** What images carry besides their pixels, as an XML file of areaDetector defines it (`NDAttributesFile`). */
import { readFileSync } from "node:fs"
import { parseXml, type XmlElement } from "./files/xml.ts"
import type { FrameAttribute } from "./frame.ts"

/** NDAttributesStatus. */
export const attributesStatus = { ok: 0, notFound: 1, syntaxError: 2, macroError: 3 } as const

/** Definitions that cannot be used. */
export class AttributesError extends Error {
  /** NDAttributesStatus. */
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** One attribute: where its value comes from when an image is taken. */
export interface AttributeDefinition {
  readonly name: string
  readonly description: string
  readonly kind: "EPICS_PV" | "PARAM" | "CONST"
  /** A PV, a parameter of the driver by its name in asyn, or the constant. */
  readonly source: string
  readonly type: "INT" | "DOUBLE" | "STRING"
}

/** Values of PVs and parameters; undefined for what does not exist. */
export interface AttributeSources {
  pv(name: string): number | string | undefined
  parameter(name: string): number | string | undefined
}

/**
 * Reads definitions from a file, or from the text itself.
 * @param macros such as `P=sim:,N=1`, for `$(P)` in the file.
 * @throws AttributesError
 */
export function readDefinitions(fileOrText: string, macros: string): AttributeDefinition[] {
  if (fileOrText === "") return []
  const text = fileOrText.trimStart().startsWith("<") ? fileOrText : readFile(fileOrText)
  let root: XmlElement
  try {
    root = parseXml(substitute(text, macros))
  } catch (error) {
    if (error instanceof AttributesError) throw error
    throw new AttributesError(
      attributesStatus.syntaxError,
      error instanceof Error ? error.message : String(error),
    )
  }
  return root.children.filter(({ name }) => name === "Attribute").map(definitionOf)
}

/** The value of an attribute now. One whose source does not exist is an empty text, as areaDetector has it undefined. */
export function evaluate(definition: AttributeDefinition, sources: AttributeSources): FrameAttribute {
  const { name, description, kind, source, type } = definition
  const about = { name, description, from: source }
  if (kind === "CONST") return { ...about, source: "Driver", ...typed(source, type) }
  const value = kind === "EPICS_PV" ? sources.pv(source) : sources.parameter(source)
  const wanted = kind === "PARAM" ? type : typeof value === "number" ? "DOUBLE" : "STRING"
  return { ...about, source: kind === "PARAM" ? "Param" : "EPICS PV", ...typed(value ?? "", wanted) }
}

function typed(
  value: number | string,
  type: AttributeDefinition["type"],
): Pick<FrameAttribute, "type" | "value"> {
  if (type === "STRING") return { type: "string", value: String(value) }
  const number = Number(value)
  return type === "INT" ? { type: "int", value: Math.trunc(number) } : { type: "double", value: number }
}

function definitionOf({ attributes }: XmlElement): AttributeDefinition {
  const { name, source = "", description = "", datatype, type = "EPICS_PV" } = attributes
  if (name === undefined) throw new AttributesError(attributesStatus.syntaxError, "an attribute has no name")
  const kind = type === "PARAM" || type === "CONST" ? type : "EPICS_PV"
  return {
    name,
    description,
    kind,
    source,
    type: datatype === "INT" || datatype === "DOUBLE" ? datatype : "STRING",
  }
}

function readFile(path: string): string {
  try {
    return readFileSync(path, "utf8")
  } catch (cause) {
    throw new AttributesError(
      attributesStatus.notFound,
      `${path} cannot be read: ${(cause as Error).message}`,
    )
  }
}

function substitute(text: string, macros: string): string {
  const values = new Map(
    macros
      .split(",")
      .map(each => each.split("="))
      .map(([name = "", ...rest]) => [name.trim(), rest.join("=").trim()]),
  )
  return text.replace(/\$[({](\w+)(?:=([^)}]*))?[)}]/g, (whole, name: string, otherwise?: string) => {
    const value = values.get(name) ?? otherwise
    if (value === undefined) throw new AttributesError(attributesStatus.macroError, `${whole} is not defined`)
    return value
  })
}
