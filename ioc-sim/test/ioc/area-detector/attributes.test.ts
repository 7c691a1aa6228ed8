import { describe, expect, it } from "vitest"
import { AttributesError, readDefinitions } from "../../../src/ioc/area-detector/attributes.ts"
import { OnClock } from "./on-clock.ts"

const text = `<?xml version="1.0"?>
<Attributes>
  <Attribute name="Position" type="EPICS_PV" source="$(P)m1.RBV" description="sample x"/>
  <Attribute name="State" source="$(P)ad:cam1:StatusMessage_RBV"/>
  <Attribute name="Exposure" type="PARAM" source="ACQ_TIME" datatype="DOUBLE"/>
  <Attribute name="Wanted" type="PARAM" source="NIMAGES" datatype="INT"/>
  <Attribute name="Proposal" type="CONST" source="$(GUP=none)" datatype="STRING"/>
  <Attribute name="Nothing" source="no:such:pv"/>
</Attributes>`

const seen = (ad: OnClock): unknown[] =>
  ad.take().attributes.map(({ name, source, type, value }) => [name, source, type, value])

describe("attributes of images", () => {
  it("are as a file says: PVs, parameters, constants, with macros", () => {
    const ad = new OnClock({ size: [8, 8] })
    ad.set({
      "cam1:NDAttributesMacros": "P=x:, GUP=12345",
      "cam1:NDAttributesFile": text,
      "cam1:NumImages": 4,
    })
    expect(ad.choice("cam1:NDAttributesStatus")).toBe("Attributes file OK")
    ad.moveTo("m1", 2)
    expect(seen(ad)).toEqual([
      ["ColorMode", "Driver", "int", 0],
      ["Position", "EPICS PV", "double", 2],
      ["State", "EPICS PV", "string", "Acquiring data"],
      ["Exposure", "Param", "double", 0.01],
      ["Wanted", "Param", "int", 4],
      ["Proposal", "Driver", "string", "12345"],
      ["Nothing", "EPICS PV", "string", ""],
    ])
    ad.put("cam1:NDAttributesFile", "")
    expect(seen(ad).map(each => (each as unknown[])[0])).toContain("RingCurrent")
  })

  it.each([
    ["/no/such/file.xml", "File not found"],
    ["<Attributes>", "XML syntax error"],
    ["<Attributes><Attribute source='a'/></Attributes>", "XML syntax error"],
    ["<Attributes><Attribute name='a' source='$(Q)a'/></Attributes>", "Macro substitution error"],
  ])("%s is refused: %s", (file, status) => {
    const ad = new OnClock({ size: [8, 8] })
    ad.put("cam1:NDAttributesFile", file)
    expect(ad.choice("cam1:NDAttributesStatus")).toBe(status)
    expect(seen(ad)).toEqual([["ColorMode", "Driver", "int", 0]])
    expect(() => readDefinitions(file, "")).toThrow(AttributesError)
  })
})
