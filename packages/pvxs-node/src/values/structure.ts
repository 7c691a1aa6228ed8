import type { LayoutNode } from "./layout.ts"
import { plain, toJson } from "./plain.ts"
import type { PvStructureValue } from "./value-of.ts"

const inspect = Symbol.for("nodejs.util.inspect.custom")

/**
 * A structure as the caller sees it: a view with one getter per member, made when somebody looks. The values sit in
 * an array that the whole structure shares, so a sub-structure costs nothing until it is read. Views never change;
 * an update is a new view.
 */
class StructureView {
  readonly #slots: readonly unknown[]

  constructor(slots: readonly unknown[]) {
    this.#slots = slots
  }

  static slots(view: StructureView): readonly unknown[] {
    return view.#slots
  }

  static is(value: unknown): value is StructureView {
    return typeof value === "object" && value !== null && #slots in value
  }

  toJSON(): unknown {
    return toJson(this)
  }

  [inspect](): unknown {
    return plain(this)
  }
}

const nodes = new WeakMap<object, LayoutNode>()

type ViewClass = new (slots: readonly unknown[]) => StructureView

/** The class of views of one structure node; members are getters on its prototype. */
export function viewClass(node: LayoutNode): ViewClass {
  const View = class extends StructureView {}
  nodes.set(View.prototype, node)
  for (const child of node.children) {
    Object.defineProperty(View.prototype, child.name, { get: getter(child), enumerable: true })
  }
  return View
}

function getter(child: LayoutNode): (this: StructureView) => unknown {
  const { bit } = child
  const read = child.codec?.read
  if (child.codec === null) {
    return function () {
      return new child.View(StructureView.slots(this))
    }
  }
  if (read !== undefined) {
    return function () {
      return read(StructureView.slots(this)[bit])
    }
  }
  return function () {
    return StructureView.slots(this)[bit]
  }
}

/** True for structures that came from this package: received, or made by `create`. */
export const isStructure = (value: unknown): value is PvStructureValue => StructureView.is(value)

/** The slots behind a view, shared by all views of one value; a sub-structure's are those of the whole. */
export const slotsOf = (view: object): readonly unknown[] => StructureView.slots(view as StructureView)

/** Where a view stands in its layout. */
export function nodeOf(view: object): LayoutNode {
  const node = nodes.get(Object.getPrototypeOf(view))
  if (node === undefined) throw new TypeError("not a pvAccess structure")
  return node
}

/** Names of the members, in order. (`Object.keys` of a view is empty: members are getters.) */
export const fieldNames = (view: object): string[] => nodeOf(view).children.map(c => c.name)

/** True when a structure has a member of this name. */
export const hasField = (view: object, name: string): boolean => nodeOf(view).child(name) !== undefined
