/** Reads the XML layout files of ADCore's HDF5 plugin ("hdf5_layout"). */

import { parseXml, type XmlElement } from "../files/xml.ts"
import { datasetsOf, type LayoutAttribute, type LayoutDataset, type LayoutGroup } from "./layout.ts"

/** A layout that cannot be used; the message says why. */
export class LayoutError extends Error {}

const rootName = "hdf5_layout"
const types = { string: "string", int: "int", float: "float" } as const

/** @throws LayoutError that says what is wrong with the text. */
export function readLayout(xml: string): LayoutGroup {
  let root: XmlElement
  try {
    root = parseXml(xml)
  } catch (error) {
    throw new LayoutError(`XML syntax error: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (root.name !== rootName) throw new LayoutError(`the root element is ${root.name}, not ${rootName}`)
  const layout = groupOf({ ...root, attributes: { name: "" } })
  const hasImages = datasetsOf(layout).some(({ dataset }) => dataset.source === "detector")
  if (!hasImages) throw new LayoutError("no dataset has the source detector")
  return layout
}

function groupOf({ name, attributes, children }: XmlElement): LayoutGroup {
  const of = (kind: string): XmlElement[] => children.filter(child => child.name === kind)
  return {
    name: nameOf({ name, attributes, children }),
    attributes: of("attribute").map(attributeOf),
    groups: of("group").map(groupOf),
    datasets: of("dataset").map(datasetOf),
    links: of("hardlink").map(link => ({ name: nameOf(link), target: link.attributes["target"] ?? "" })),
    takesAttributes: attributes["ndattr_default"] === "true",
  }
}

function datasetOf(element: XmlElement): LayoutDataset {
  const { attributes, children } = element
  const source = attributes["source"]
  if (source !== "detector" && source !== "ndattribute" && source !== "constant")
    throw new LayoutError(`dataset ${nameOf(element)} has no source that is known: "${source ?? ""}"`)
  return {
    name: nameOf(element),
    source,
    value: attributes["ndattribute"] ?? attributes["value"] ?? "",
    type: typeOf(attributes["type"]),
    isDefault: attributes["det_default"] === "true",
    attributes: children.filter(child => child.name === "attribute").map(attributeOf),
  }
}

function attributeOf(element: XmlElement): LayoutAttribute {
  const { attributes } = element
  return {
    name: nameOf(element),
    source: attributes["source"] === "ndattribute" ? "ndattribute" : "constant",
    value: attributes["ndattribute"] ?? attributes["value"] ?? "",
    type: typeOf(attributes["type"]),
  }
}

function nameOf({ name, attributes }: XmlElement): string {
  const given = attributes["name"]
  if (given === undefined) throw new LayoutError(`an element ${name} has no name`)
  if (given.includes("/")) throw new LayoutError(`the name "${given}" holds a slash`)
  return given
}

const typeOf = (text: string | undefined): LayoutAttribute["type"] =>
  types[(text ?? "string") as keyof typeof types] ?? "string"
