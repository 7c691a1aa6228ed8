/** As much of XML as the files of areaDetector use: elements and their attributes; texts, comments and declarations are passed over. */

export interface XmlElement {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly XmlElement[]
}

const skipped = /<\?[\s\S]*?\?>|<!--[\s\S]*?-->|<!DOCTYPE[^>]*>/g
const tag =
  /<(?<close>\/)?(?<name>[\w:.-]+)(?<attributes>(?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(?<empty>\/)?>/y
const attribute = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g
const deepest = 100

/** @throws Error that names the line and what is wrong there. */
export function parseXml(text: string): XmlElement {
  const source = text.replace(skipped, match => match.replace(/[^\n]/g, " "))
  const open: { name: string; attributes: Record<string, string>; children: XmlElement[] }[] = []
  let root: XmlElement | undefined
  const fail = (at: number, what: string): never => {
    throw new Error(`line ${source.slice(0, at).split("\n").length}: ${what}`)
  }
  for (let at = source.indexOf("<"); at >= 0; at = source.indexOf("<", at)) {
    tag.lastIndex = at
    const match = tag.exec(source)
    if (match?.groups === undefined) return fail(at, "this is no tag")
    const { close, name = "", attributes = "", empty } = match.groups
    if (close !== undefined) {
      const ended = open.pop()
      if (ended?.name !== name) return fail(at, `</${name}> ends nothing that is open`)
    } else {
      const element = { name, attributes: attributesOf(attributes), children: [] }
      const parent = open.at(-1)
      if (parent === undefined && root !== undefined) return fail(at, "there is a second root element")
      if (parent === undefined) root = element
      else parent.children.push(element)
      if (empty === undefined) open.push(element)
      if (open.length > deepest) return fail(at, `elements are nested deeper than ${deepest}`)
    }
    at = tag.lastIndex
  }
  const left = open.at(-1)
  if (left !== undefined) return fail(source.length, `<${left.name}> is not closed`)
  return root ?? fail(0, "there is no element")
}

const attributesOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(attribute)].map(([, name = "", double, single]) => [
      name,
      decode(double ?? single ?? ""),
    ]),
  )

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" }

const decode = (text: string): string =>
  text.replace(/&(#?\w+);/g, (whole, entity: string) => {
    if (!entity.startsWith("#")) return entities[entity] ?? whole
    const code =
      entity[1] === "x" ? Number.parseInt(entity.slice(2), 16) : Number.parseInt(entity.slice(1), 10)
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
