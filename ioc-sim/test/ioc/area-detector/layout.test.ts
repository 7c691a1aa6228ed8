import { writeFile } from "node:fs/promises"
import fc from "fast-check"
import { type Dataset, File, type Group, ready } from "h5wasm/node"
import { describe, expect, it } from "vitest"
import { parseXml } from "../../../src/ioc/area-detector/files/xml.ts"
import { LayoutError, readLayout } from "../../../src/ioc/area-detector/hdf5/layout-xml.ts"
import { Setup } from "./support.ts"

const layout = `<?xml version="1.0" standalone="no" ?>
<!-- one group, and what a beamline wants to know -->
<hdf5_layout>
  <group name="scan">
    <attribute name="NX_class" source="constant" value="NXentry" type="string"/>
    <attribute name="run" source="constant" value="7" type="int"/>
    <attribute name="started_at" source="ndattribute" ndattribute="m1"/>
    <dataset name="spare" source="detector"/>
    <dataset name="images" source="detector" det_default="true">
      <attribute name="units" source="constant" value="&lt;counts&gt;" type="string"/>
    </dataset>
    <dataset name="x" source="ndattribute" ndattribute="m1"/>
    <dataset name="title" source="constant" value="a &amp; b" type="string"/>
    <dataset name="nothing" source="ndattribute" ndattribute="no such attribute"></dataset>
    <group name="rest" ndattr_default="true"/>
    <hardlink name="again" target="/scan/images"/>
  </group>
</hdf5_layout>`

describe("XML", () => {
  it("is read back as it was written, whatever the names and values", () => {
    const name = fc.stringMatching(/^[A-Za-z_][\w.-]{0,8}$/)
    const encode = (text: string): string =>
      text.replace(/[<>&"']/g, character => `&#${character.codePointAt(0)};`)
    interface Tree {
      name: string
      attributes: Record<string, string>
      children: Tree[]
    }
    const tree = (depth: number): fc.Arbitrary<Tree> =>
      fc.record({
        name,
        attributes: fc.dictionary(name, fc.string({ maxLength: 8 }), { noNullPrototype: true, maxKeys: 3 }),
        children: depth === 0 ? fc.constant([]) : fc.array(tree(depth - 1), { maxLength: 3 }),
      })
    const write = ({ name, attributes, children }: Tree): string => {
      const list = Object.entries(attributes).map(([key, value]) => ` ${key}="${encode(value)}"`)
      return `<${name}${list.join("")}>\n<!-- <no/> -->${children.map(write).join("text")}</${name}>`
    }
    fc.assert(
      fc.property(tree(3), each => {
        expect(parseXml(write(each))).toEqual(each)
      }),
    )
  })

  it.each([
    ["", "line 1: there is no element"],
    ["<a>\n<b>\n</a>", "line 3: </a> ends nothing that is open"],
    ["<a>\n<b/>", "line 2: <a> is not closed"],
    ["<a/><b/>", "line 1: there is a second root element"],
    ["<a b=c/>", "line 1: this is no tag"],
    ["<a>".repeat(200), "line 1: elements are nested deeper than 100"],
  ])("says where %j is wrong", (text, message) => {
    expect(() => parseXml(text)).toThrow(message)
  })
})

describe("a layout", () => {
  it.each([
    ["<layout/>", "the root element is layout, not hdf5_layout"],
    ["<hdf5_layout><group/></hdf5_layout>", "an element group has no name"],
    ["<hdf5_layout><group name='a/b'/></hdf5_layout>", 'the name "a/b" holds a slash'],
    ["<hdf5_layout><group name='a'/></hdf5_layout>", "no dataset has the source detector"],
    ["<hdf5_layout><dataset name='a'/></hdf5_layout>", 'dataset a has no source that is known: ""'],
    ["<hdf5_layout>", "XML syntax error: line 1"],
  ])("%s cannot be used", (xml, message) => {
    expect(() => readLayout(xml)).toThrow(message)
    expect(() => readLayout(xml)).toThrow(LayoutError)
  })

  it("says where in the file things go", { timeout: 60_000 }, async () => {
    await ready
    await using ad = await Setup.start({ areaDetector: { size: [20, 12] } })
    await ad.set({ "cam1:AcquireTime": 0.001, "cam1:ImageMode": "Multiple", "cam1:NumImages": 3 })
    await writeFile(`${ad.directory}/layout.xml`, layout)
    await ad.put("HDF1:XMLFileName", `${ad.directory}/layout.xml`)
    expect([await ad.get("HDF1:XMLValid_RBV"), await ad.text("HDF1:XMLErrorMsg_RBV")]).toEqual([1, ""])
    const stop = await ad.capture()
    await ad.put("cam1:Acquire", 1)
    await stop()
    const file = new File(await ad.text("HDF1:FullFileName_RBV"), "r")
    const at = (path: string): Dataset => file.get(path) as Dataset
    expect([at("/scan/images").shape, at("/scan/again").shape, at("/scan/x").shape]).toEqual([
      [3, 12, 20],
      [3, 12, 20],
      [3],
    ])
    expect(at("/scan/images").attrs["units"]?.value).toBe("<counts>")
    expect(at("/scan/title").value).toBe("a & b")
    const { attrs } = file.get("/scan") as Group
    expect([attrs["NX_class"]?.value, attrs["run"]?.value, attrs["started_at"]?.value]).toEqual([
      "NXentry",
      7,
      0,
    ])
    const rest = (file.get("/scan/rest") as Group).keys()
    expect(rest).toContain("NDArrayUniqueId")
    expect([rest.includes("m1"), rest.includes("m2"), file.get("/scan/nothing")]).toEqual([false, true, null])
    file.close()
  })

  it("that is not valid is shown, and refuses to capture until there is a better one", async () => {
    await using ad = await Setup.start()
    await ad.set({ "HDF1:XMLFileName": "/no/such.xml", "HDF1:FileWriteMode": "Stream", "HDF1:LazyOpen": 1 })
    expect([await ad.get("HDF1:XMLValid_RBV"), await ad.text("HDF1:XMLErrorMsg_RBV")]).toEqual([
      0,
      "XML description file cannot be opened",
    ])
    await ad.put("HDF1:XMLFileName", "<hdf5_layout/>")
    await ad.put("HDF1:Capture", 1)
    expect(await ad.text("HDF1:WriteMessage")).toBe(
      "ERROR: the layout is not valid: no dataset has the source detector",
    )
    await ad.put("HDF1:XMLFileName", "")
    expect(await ad.get("HDF1:XMLValid_RBV")).toBe(1)
  })
})
