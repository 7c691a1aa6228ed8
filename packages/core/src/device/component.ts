import type { Named } from "../protocols.ts"
import type { Kind } from "../reading.ts"
import { joinNames, snakeCase } from "./naming.ts"

export interface ComponentOptions {
  /** Name in documents. A child needs none: it gets `parent_field`. */
  name?: string | undefined
  /** How it takes part in its device's documents; default `normal`. */
  kind?: Kind | undefined
  /** The child's part of its name, in place of its field's; `""` names it like its parent (a motor's read-back). */
  as?: string | undefined
}

/**
 * A node of a device tree: a signal or a device. Children are the fields of their parent.
 *
 * A field cannot know its own name when it is made, so names are found by looking: the first time somebody asks a
 * parent for its children (`connect`, `read`, `walk`, or the name of a child that knows its parent), it goes through
 * its own fields once and takes in each component that has neither a name of its own nor another parent. So a field that holds a
 * component with a name, or one that belongs to another device, is a reference and no child.
 */
export abstract class Component implements Named {
  kind: Kind
  readonly #as: string | undefined
  #ownName: string
  #parent: Component | null = null
  #field = ""
  #name: string | null = null
  #children: ReadonlyMap<string, Component> = noChildren
  #fieldCount = 0

  constructor(options: ComponentOptions = {}, parent: Component | null = null) {
    this.#ownName = options.name ?? ""
    this.#as = options.as
    this.#parent = parent
    this.kind = options.kind ?? "normal"
  }

  get parent(): Component | null {
    return this.#parent
  }

  /**
   * Name in documents: its own, or the parent's and its field's, in snake case. Setting it renames its children too;
   * `""` goes back to the name that its parent gives.
   */
  get name(): string {
    if (this.#name !== null) return this.#name
    let name = this.#ownName
    if (name === "" && this.#parent !== null) {
      if (this.#field === "") this.#parent.children
      // Asked for while its parent is still being built: true for now, and not remembered.
      if (this.#field === "" && this.#as === undefined) return this.#parent.name
      name = joinNames(this.#parent.name, this.#as ?? snakeCase(this.#field))
    }
    this.#name = name
    return name
  }

  set name(name: string) {
    this.#ownName = name
    this.#forgetNames()
  }

  /** Fields that hold children, in the order of declaration. */
  get children(): ReadonlyMap<string, Component> {
    const count = this.fieldCount()
    if (count !== this.#fieldCount) {
      this.#fieldCount = count
      this.#children = this.#takeIn()
    }
    return this.#children
  }

  /** All components below, each after its parent, with the path of fields that leads to it: `cam.acquireTime`. */
  *walk(path = ""): IterableIterator<{ path: string; component: Component }> {
    for (const [field, component] of this.children) {
      const childPath = path === "" ? field : `${path}.${field}`
      yield { path: childPath, component }
      yield* component.walk(childPath)
    }
  }

  /** Candidates for children. */
  protected fields(): Iterable<[field: string, value: unknown]> {
    return Object.entries(this)
  }

  /** Changes whenever `fields` may give something new. */
  protected fieldCount(): number {
    return Object.keys(this).length
  }

  /**
   * Takes in a component that is in no field yet, for parents that keep their children elsewhere than in fields. One
   * that was made by a device's factory shows whose field this parent is going to be.
   */
  protected adopt(child: Component): void {
    if (child.#field !== "") return
    if (this.#ownName === "") this.#parent ??= child.#parent
    child.#parent = this
  }

  #takeIn(): ReadonlyMap<string, Component> {
    const children = new Map<string, Component>()
    for (const [field, value] of this.fields()) {
      if (!(value instanceof Component)) continue
      if (value.#parent === null && value.#ownName === "") value.#parent = this
      if (value.#parent !== this || (value.#field !== "" && value.#field !== field)) continue
      if (value.#field === "") {
        value.#field = field
        value.#forgetNames()
      }
      children.set(field, value)
    }
    return children
  }

  #forgetNames(): void {
    this.#name = null
    for (const child of this.#children.values()) child.#forgetNames()
  }
}

const noChildren: ReadonlyMap<string, Component> = new Map()
