import { PvaInputError } from "../errors.ts"
import { create, createAny } from "../values/create.ts"
import { type FieldType, type StructureType, structure, t } from "../values/field-type.ts"
import type { PvStructureValue } from "../values/value-of.ts"

/** Which fields of a channel are wanted, and how to work on it. */
export interface PvRequest {
  /** Dotted paths; none for the whole structure. */
  readonly fields?: readonly string[]
  /**
   * Options of `record[...]`, such as process, block, queueSize, pipeline, atomic, DBE. Text and booleans are sent as
   * text, integers as integers; DBE always as one, because QSRV takes no notice of a mask that is text.
   */
  readonly options?: Readonly<Record<string, string | number | boolean>>
}

/** Fields asked for, as a tree: an empty node asks for everything below it. */
interface FieldTree {
  readonly children: Map<string, FieldTree>
  readonly options: Map<string, string | number>
}

interface ParsedRequest {
  readonly field: FieldTree
  readonly record: Map<string, string | number>
}

const newTree = (): FieldTree => ({ children: new Map(), options: new Map() })

/**
 * The structure a request is sent as (specification, "pvRequest"). Takes the object form, or the text that the EPICS
 * tools use: `field(value,alarm.severity)record[process=true,block=true]`, also `value,alarm` alone.
 * Throws PvaInputError with code PVA_BAD_REQUEST when the text cannot be read.
 */
export function pvRequest(request: string | PvRequest = ""): PvStructureValue {
  const parsed = typeof request === "string" ? new Parser(request).parse() : fromObject(request)
  const field = treeStructure(parsed.field)
  if (parsed.record.size === 0) {
    return createAny(structure("", { field: field.type }), { field: field.value })
  }
  const options = optionStructure(parsed.record)
  const record = structure("", { _options: options.type })
  const type = structure("", { field: field.type, record })
  return create(type, { field: field.value, record: { _options: options.value } } as never)
}

function fromObject(request: PvRequest): ParsedRequest {
  const field = newTree()
  for (const path of request.fields ?? []) grow(field, path, `field "${path}"`)
  return {
    field,
    record: new Map(
      Object.entries(request.options ?? {}).map(([k, v]) => [
        k,
        Number.isInteger(v) ? (v as number) : String(v),
      ]),
    ),
  }
}

function grow(tree: FieldTree, path: string, where: string): FieldTree {
  let at = tree
  for (const name of path.split(".")) {
    if (!/^[A-Za-z_]\w*$/.test(name)) {
      throw new PvaInputError(`${where} of a pvRequest is not a field name`, "PVA_BAD_REQUEST")
    }
    let child = at.children.get(name)
    if (child === undefined) {
      child = newTree()
      at.children.set(name, child)
    }
    at = child
  }
  return at
}

interface Built {
  readonly type: StructureType
  readonly value: Record<string, unknown>
}

function treeStructure(tree: FieldTree): Built {
  const types: Record<string, FieldType> = {}
  const value: Record<string, unknown> = {}
  if (tree.options.size > 0) {
    const options = optionStructure(tree.options)
    types["_options"] = options.type
    value["_options"] = options.value
  }
  for (const [name, child] of tree.children) {
    const built = treeStructure(child)
    types[name] = built.type
    value[name] = built.value
  }
  return { type: structure("", types), value }
}

function optionStructure(options: ReadonlyMap<string, string | number>): Built {
  const value = Object.fromEntries(
    [...options].map(([key, v]) => [key, key === "DBE" && /^\d{1,9}$/.test(String(v)) ? Number(v) : v]),
  )
  const types = Object.entries(value).map(([key, v]) => [key, typeof v === "number" ? t.int : t.string])
  return { type: structure("", Object.fromEntries(types)), value }
}

/**
 *     request := { "field" "(" fields ")" | "record" "[" options "]" } | fields
 *     fields  := [ path [ "[" options "]" ] [ "{" fields "}" ] { "," … } ]
 *     options := name "=" value { "," name "=" value }
 */
class Parser {
  readonly #text: string
  #pos = 0

  constructor(text: string) {
    this.#text = text
  }

  parse(): ParsedRequest {
    const field = newTree()
    const record = new Map<string, string | number>()
    let words = 0
    while (this.#skipSpace()) {
      if (this.#eat(/^field\s*\(/)) {
        this.#fields(field)
        this.#expect(")")
      } else if (this.#eat(/^record\s*\[/)) {
        this.#options(record)
      } else if (words === 0) {
        this.#fields(field)
        if (this.#skipSpace()) this.#fail("nothing may follow a bare list of fields")
      } else {
        this.#fail('expected "field(" or "record["')
      }
      words++
    }
    return { field, record }
  }

  #fields(tree: FieldTree): void {
    while (this.#skipSpace() && !/[)}]/.test(this.#peek())) {
      const path = this.#eat(/^[\w.]+/)
      if (path === null) this.#fail("expected a field name")
      const child = grow(tree, path, `"${path}" in "${this.#text}"`)
      if (this.#eat(/^\s*\[/)) this.#options(child.options)
      if (this.#eat(/^\s*\{/)) {
        this.#fields(child)
        this.#expect("}")
      }
      this.#skipSpace()
      if (this.#eat(/^,/) === null) return
    }
  }

  #options(options: Map<string, string | number>): void {
    while (this.#skipSpace() && this.#peek() !== "]") {
      const name = this.#eat(/^\w+/)
      if (name === null || this.#eat(/^\s*=\s*/) === null) this.#fail('expected "name=value"')
      options.set(name, (this.#eat(/^[^,\]]*/) ?? "").trim())
      if (this.#eat(/^,/) === null) break
    }
    this.#expect("]")
  }

  #peek(): string {
    return this.#text.charAt(this.#pos)
  }

  #skipSpace(): boolean {
    this.#eat(/^\s+/)
    return this.#pos < this.#text.length
  }

  #eat(pattern: RegExp): string | null {
    const found = pattern.exec(this.#text.slice(this.#pos))
    if (found === null) return null
    this.#pos += found[0].length
    return found[0]
  }

  #expect(what: string): void {
    this.#skipSpace()
    if (this.#peek() !== what) this.#fail(`expected "${what}"`)
    this.#pos++
  }

  #fail(why: string): never {
    const where = this.#pos >= this.#text.length ? "its end" : `"${this.#text.slice(this.#pos)}"`
    throw new PvaInputError(`pvRequest "${this.#text}": ${why} at ${where}`, "PVA_BAD_REQUEST")
  }
}
