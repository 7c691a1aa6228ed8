/** Where things are in an HDF5 file, as an XML layout file of ADCore says it. */

/** An attribute of a group or dataset: a constant, or what an attribute of the first image holds. */
export interface LayoutAttribute {
  readonly name: string
  readonly source: "constant" | "ndattribute"
  /** The constant, or the name of the image's attribute. */
  readonly value: string
  readonly type: "string" | "int" | "float"
}

export interface LayoutDataset {
  readonly name: string
  /** Images, an attribute of each image, or a constant. */
  readonly source: "detector" | "ndattribute" | "constant"
  /** Name of the image's attribute, or the constant. */
  readonly value: string
  readonly type: "string" | "int" | "float"
  /** Images go here when several datasets could take them. */
  readonly isDefault: boolean
  readonly attributes: readonly LayoutAttribute[]
}

export interface LayoutGroup {
  readonly name: string
  readonly attributes: readonly LayoutAttribute[]
  readonly groups: readonly LayoutGroup[]
  readonly datasets: readonly LayoutDataset[]
  readonly links: readonly { readonly name: string; readonly target: string }[]
  /** Attributes of images that no dataset names go here. */
  readonly takesAttributes: boolean
}

/** Of the same name in every layout: times of writing, kept when StorePerform is Yes. */
export const performance = { group: "performance", dataset: "timestamp" } as const

/** A group with its paths: calls `visit` for it and all below, parents first. */
export function walk(group: LayoutGroup, visit: (group: LayoutGroup, path: string) => void, path = ""): void {
  visit(group, path)
  for (const child of group.groups) walk(child, visit, `${path}/${child.name}`)
}

/** All datasets with their paths. */
export function datasetsOf(root: LayoutGroup): { readonly path: string; readonly dataset: LayoutDataset }[] {
  const found: { path: string; dataset: LayoutDataset }[] = []
  walk(root, (group, path) => {
    for (const dataset of group.datasets) found.push({ path: `${path}/${dataset.name}`, dataset })
  })
  return found
}

const constant = (
  name: string,
  value: string,
  type: LayoutAttribute["type"] = "string",
): LayoutAttribute => ({
  name,
  source: "constant",
  value,
  type,
})

const group = (name: string, type: string | undefined, rest: Partial<LayoutGroup> = {}): LayoutGroup => ({
  name,
  groups: [],
  datasets: [],
  links: [],
  takesAttributes: false,
  ...rest,
  attributes: [...(type === undefined ? [] : [constant("NX_class", type)]), ...(rest.attributes ?? [])],
})

const dataset = (name: string, rest: Partial<LayoutDataset>): LayoutDataset => ({
  name,
  source: "ndattribute",
  value: "",
  type: "string",
  isDefault: false,
  attributes: [],
  ...rest,
})

const imagesPath = "/entry/instrument/detector/data"

const detector = group("detector", "NXdetector", {
  datasets: [
    dataset("data", {
      source: "detector",
      isDefault: true,
      attributes: [
        constant("NX_class", "SDS"),
        constant("signal", "1", "int"),
        constant("target", imagesPath),
      ],
    }),
  ],
  groups: [
    group("NDAttributes", "NXcollection", { datasets: [dataset("ColorMode", { value: "ColorMode" })] }),
  ],
})

const instrument = group("instrument", "NXinstrument", {
  groups: [
    detector,
    group("NDAttributes", "NXcollection", { takesAttributes: true }),
    group(performance.group, undefined, { datasets: [dataset(performance.dataset, {})] }),
  ],
})

/** What ADCore makes without a layout file. */
export const defaultLayout: LayoutGroup = group("", undefined, {
  groups: [
    group("entry", "NXentry", {
      attributes: [constant("default", "data")],
      groups: [
        instrument,
        group("data", "NXdata", {
          attributes: [constant("signal", "data")],
          links: [{ name: "data", target: imagesPath }],
        }),
      ],
    }),
  ],
})
