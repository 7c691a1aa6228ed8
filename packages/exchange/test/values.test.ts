import type { DataKey } from "@ophyd-ts/core"
import type { EventDescriptor, StreamResource } from "@ophyd-ts/run-engine"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fittingValues } from "../src/arrow/columns.ts"
import { packDocument, unpackDocument } from "../src/index.ts"
import { fileNames } from "../src/tiled/file-names.ts"
import { FileSeries } from "../src/tiled/files.ts"
import { columnTypeOf, normalDescriptor, placeOf, rowOf } from "../src/tiled/keys.ts"
import { dataTypeOf, dtypeText, pack, shapeOf } from "../src/tiled/ndarray.ts"
import { plain } from "../src/tiled/plain.ts"

const key = (dtype: DataKey["dtype"], shape: DataKey["shape"] = [], dtype_numpy?: string): DataKey => ({
  source: "s",
  dtype,
  shape,
  ...(dtype_numpy !== undefined && { dtype_numpy }),
})

describe("documents as MessagePack", () => {
  it("come back as they were", () => {
    // The one key that the decoder refuses, for good reasons.
    const key = fc.string().filter(text => text !== "__proto__")
    const value = fc.letrec(tie => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.string(),
        fc.boolean(),
        fc.constant(null),
        fc.maxSafeInteger(),
        fc.double(),
        fc.array(tie("any"), { maxLength: 5 }),
        fc.dictionary(key, tie("any"), { maxKeys: 5 }),
      ),
    })).any
    fc.assert(
      fc.property(fc.dictionary(key, value), doc => {
        const copy = { ...doc }
        // Only the sign of zero is not carried.
        expect(JSON.stringify(unpackDocument(packDocument(copy)))).toBe(JSON.stringify(copy))
      }),
    )
  })

  it.each<[unknown, string]>([
    [{ n: 2 ** 40 }, "81a16ecf0000010000000000"],
    [{ n: -(2 ** 40) }, "81a16ed3ffffff0000000000"],
    [{ n: 2n ** 62n }, "81a16ecf4000000000000000"],
    [{ a: new Float64Array([1.5, 2]) }, "81a16192cb3ff800000000000002"],
    [{ a: new BigInt64Array([1n]) }, "81a16191cf0000000000000001"],
    [{ u: undefined, x: 1 }, "81a17801"],
  ])("%o are written as Python reads them", (doc, hex) => {
    expect(Buffer.from(packDocument(doc)).toString("hex")).toBe(hex)
  })

  it("keep integers that a number cannot hold", () => {
    expect(unpackDocument(packDocument({ n: 2n ** 60n + 1n }))).toEqual({ n: 2n ** 60n + 1n })
    expect(unpackDocument(packDocument({ n: 2 ** 40 }))).toEqual({ n: 2 ** 40 })
  })

  it.each([[[]], [[0xc1]], [[0x91, 0x01]], [[0x05]], [[0x81, 0xa1]]])("%j are refused", bytes => {
    expect(() => unpackDocument(Uint8Array.from(bytes))).toThrow(expect.objectContaining({ code: "FORMAT" }))
  })
})

it("metadata is brought to what JSON and the server can hold", () => {
  expect(
    plain({
      nan: Number.NaN,
      inf: -Number.POSITIVE_INFINITY,
      big: 1e300,
      int: 2n ** 60n,
      fine: 2.5,
      list: new Uint16Array([1, 2]),
      none: undefined,
      nested: [{ a: null, d: new Date(0) }],
      fn: () => 1,
    }),
  ).toEqual({
    nan: null,
    inf: -1.7976e308,
    big: 2 ** 53 - 1,
    int: 2 ** 53 - 1,
    fine: 2.5,
    list: [1, 2],
    nested: [{ a: null, d: "1970-01-01T00:00:00.000Z" }],
    fn: null,
  })
})

describe("a descriptor for the catalogue", () => {
  const descriptor: EventDescriptor = {
    uid: "u",
    time: 1,
    run_start: "r",
    name: "primary",
    data_keys: { time: key("number"), det: key("array", [2], "<u2") },
    object_keys: { det: ["time", "det"] },
    configuration: {
      det: { data: { gain: 1 }, timestamps: { gain: 1 }, data_keys: { gain: key("integer") } },
    },
    hints: {},
  }

  it("has types and owners, and no key that the table needs itself", () => {
    const { doc, notes } = normalDescriptor(descriptor)
    expect(doc.data_keys).toEqual({
      time_: { ...key("number", [], "<f8"), object_name: "det" },
      det: { ...key("array", [2], "<u2"), object_name: "det" },
    })
    expect(doc.configuration["det"]!.data_keys["gain"]!.dtype_numpy).toBe("<i8")
    expect(notes).toEqual(["Renamed data_key 'time' to 'time_' in stream primary"])
    expect(descriptor.data_keys["time"]).toEqual(key("number"))
  })

  it("has its events as rows", () => {
    const event = { seq_num: 2, time: 5, data: { time: 7, det: [1, 2] }, timestamps: { time: 3, det: 4 } }
    expect(rowOf(event)).toEqual({ seq_num: 2, time: 5, time_: 7, det: [1, 2], ts_time_: 3, ts_det: 4 })
  })
})

describe("values of a key", () => {
  it.each([
    [key("number"), "table"],
    [key("array", [16]), "table"],
    [key("array", [17]), "array"],
    [key("array", [4, 5]), "array"],
    [key("array", [2], "<U4"), "array"],
    [key("array", [null]), "table"],
    [{ ...key("array", [100]), external: "STREAM:" }, null],
    [{ ...key("array", [100]), dtype_numpy: [["x", "<f8"] as [string, string]] }, "table"],
  ])("%o go to the %s", (description, place) => {
    expect(placeOf(description, 16)).toBe(place)
  })

  it.each([
    [key("number"), [1, 2], "float64"],
    [key("integer"), [1, 2n], "int64"],
    [key("integer"), [1.5], "float64"],
    [key("boolean"), [true, 0], "bool"],
    [key("string"), ["a"], "utf8"],
    [key("number"), ["oops"], "utf8"],
    [key("integer"), [null, undefined], "int64"],
    [key("array", [2], "<i8"), [[1, 2]], { list: "int64" }],
    [key("array", [2]), [[1, 2]], { list: "int64" }],
    [key("array", [2]), [new Float32Array(2).fill(0.5)], { list: "float64" }],
    [undefined, [true], "bool"],
    [undefined, [1.5, 2], "float64"],
  ])("%o such as %o make a column %o", (description, values, type) => {
    expect(columnTypeOf(description, values)).toEqual(type)
  })

  it("that are tables go as text, in JSON", () => {
    const description = { ...key("array", [2]), dtype_numpy: [["x", "<f8"] as [string, string]] }
    const table = {
      x: Float64Array.of(0.5, 1),
      n: BigInt64Array.of(7n, 2n ** 60n),
      name: ["a", "b"],
    }
    const type = columnTypeOf(description, [table])
    expect(type).toBe("utf8")
    expect(fittingValues({ name: "steps", type, values: [table] })).toEqual([
      '{"x":[0.5,1],"n":[7,"1152921504606846976"],"name":["a","b"]}',
    ])
  })

  it("that do not fit their column are left out and told", () => {
    const misfits: unknown[] = []
    const column = { name: "n", type: "int64", values: [1, 1.5, "x", null, 2n ** 70n] } as const
    expect(fittingValues(column, v => misfits.push(v))).toEqual([1n, null, null, null, null])
    expect(misfits).toEqual([1.5, "x", 2n ** 70n])
    const lists: unknown[] = []
    fittingValues({ name: "l", type: { list: "float64" }, values: [[1, "a"], 3] }, v => lists.push(v))
    expect(lists).toEqual(["a", 3])
  })

  it.each([
    [[new Uint8Array(4)], key("array", [2, 2]), "|u1", [2, 2]],
    [[new BigInt64Array(2)], key("array", [2]), "<i8", [2]],
    [[[1, 2, 3]], key("array", [3], "<i4"), "<i4", [3]],
    [[[1, 2.5]], key("array", [2], "<i4"), "<f8", [2]],
    [[[[1], [2]]], key("array", []), "<f8", [2, 1]],
    [[["ab", "é🙂x"]], key("array", [2]), "<U3", [2]],
    [[["ab"]], key("array", [1], "<U9"), "<U9", [1]],
    [[[true]], key("array", [1], "|b1"), "|b1", [1]],
  ])("%o are an array of their own type and shape", (values, description, type, shape) => {
    expect(dtypeText(dataTypeOf(values, description))).toBe(type)
    expect(shapeOf(values[0], description)).toEqual(shape)
  })

  it("are packed little-endian, short ones filled up, long ones cut", () => {
    const u2 = dataTypeOf([new Uint16Array(1)], key("array"))
    expect([...pack([[1, 258], new Uint16Array([3, 4])], u2, 2).bytes]).toEqual([1, 0, 2, 1, 3, 0, 4, 0])
    expect(pack([[1], [1, 2, 3]], u2, 2)).toEqual({
      bytes: Uint8Array.from([1, 0, 0, 0, 1, 0, 2, 0]),
      uneven: 2,
    })
    const f8 = dataTypeOf([[0.5]], key("array"))
    expect([...new Float64Array(pack([[0.5]], f8, 2).bytes.buffer)]).toEqual([0.5, Number.NaN])
    const text = dataTypeOf([["ab"]], key("array"))
    expect([...pack([["b"]], text, 1).bytes]).toEqual([98, 0, 0, 0, 0, 0, 0, 0])
    const i8 = dataTypeOf([new BigInt64Array(1)], key("array"))
    expect(new BigInt64Array(pack([[-3n]], i8, 1).bytes.buffer)[0]).toBe(-3n)
  })
})

describe("files of a detector", () => {
  it.each([
    ["%s%s_%06d.tif", "img", 7, "img_000007.tif"],
    ["%s_%d.npy", "a", 12, "a_12.npy"],
    ["_%4.4d.tif", "", 3, "_0003.tif"],
    ["%3d", "", 5, "  5"],
    ["img_{:05d}.tif", "", 42, "img_00042.tif"],
    ["{}.h5", "", 1, "1.h5"],
    ["%-3d|", "", 5, "5  |"],
  ])("%s of %s number %i is %s", (template, filename, index, expected) => {
    expect(fileNames({ template, filename })!(index)).toBe(expected)
  })

  it("are one where there is no template", () => {
    expect(fileNames({})).toBeNull()
  })

  const resource = (
    mimetype: string,
    parameters: Record<string, unknown>,
    uri = "file://localhost/d/",
  ): StreamResource => ({
    uid: "r",
    data_key: "cam",
    mimetype,
    uri,
    parameters,
  })
  const datum = (start: number, stop: number) => ({
    uid: "x",
    stream_resource: "r",
    descriptor: "d",
    indices: { start, stop },
    seq_nums: { start: start + 1, stop: stop + 1 },
  })
  const tiff = "multipart/related;type=image/tiff"

  it("of one image each become a stack; a second resource goes on counting its own files", () => {
    const series = new FileSeries(
      resource(tiff, { template: "%s_%02d.tif", filename: "a", chunk_shape: [1, 2, 3] }),
      key("array", [2, 3], "<u2"),
    )
    series.add(datum(0, 2))
    series.continueWith(resource(tiff, { template: "%s_%02d.tif", filename: "b", chunk_shape: [1, 2, 3] }))
    series.add(datum(2, 3))
    const source = series.source()
    expect(source.assets.map(a => [a.data_uri, a.num])).toEqual([
      ["file://localhost/d/a_00.tif", 0],
      ["file://localhost/d/a_01.tif", 1],
      ["file://localhost/d/b_00.tif", 2],
    ])
    expect(source.structure).toMatchObject({ shape: [3, 2, 3], chunks: [[1, 1, 1], [2], [3]], dims: null })
    expect(source.properties).toEqual({})
  })

  it("that hold one frame of several per event say how the frames are cut", () => {
    const series = new FileSeries(
      resource(tiff, { template: "/f_%d.tif", chunk_shape: [1, 2, 3] }),
      key("array", [4, 2, 3], "|u1"),
    )
    series.add(datum(0, 2))
    const source = series.source()
    expect(source.assets).toHaveLength(8)
    expect(source.assets[7]!.data_uri).toBe("file://localhost/d/f_7.tif")
    expect(source.structure).toMatchObject({ shape: [2, 4, 2, 3] })
    expect(source.properties).toEqual({ chunks: [Array(8).fill(1), [2], [3]] })
  })

  it("in HDF5 name the dataset; of a multiplier each event has that many rows", () => {
    const series = new FileSeries(
      resource(
        "application/x-hdf5",
        { dataset: "/x", multiplier: 5, spec: "AD_HDF5", chunk_shape: [2] },
        "file://localhost/a.h5",
      ),
      key("number", [], "<f4"),
    )
    series.add(datum(0, 3))
    expect(series.source()).toMatchObject({
      parameters: { dataset: "/x", swmr: true, locking: null },
      structure: { shape: [3, 5], chunks: [[2, 1], [5]] },
    })
    expect(series.metadata).toEqual({ spec: "AD_HDF5", frame_per_point: 5 })
    expect(() => series.continueWith(resource("application/x-hdf5", { dataset: "/y" }))).toThrow(
      "the dataset was /x before",
    )
  })

  it("of unknown contents are bytes", () => {
    const series = new FileSeries(resource("application/octet-stream", {}), key("array", [2]))
    series.add(datum(0, 1))
    expect(series.source()).toMatchObject({
      structure_family: "bytes",
      assets: [{ data_uri: "file://localhost/d/" }],
    })
  })

  it.each([
    [resource("text/csv;header=absent", {}), key("array", [2]), "joined end to end"],
    [resource(tiff, {}), key("array", [2, 2]), "needs the parameter `template`"],
    [resource("application/x-hdf5", { dataset: "x" }), key("array", [null]), "its shape is not known"],
    [resource("application/x-hdf5", { chunk_shape: [0] }), key("array", [2]), "does not fit"],
  ])("that cannot be registered are refused with the reason", (res, description, reason) => {
    expect(() => new FileSeries(res, description)).toThrow(reason)
  })
})
