/** Clients that others wrote see on the embedded area detector what a genuine ADSimDetector IOC shows them. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type EmbeddedBeamline, startBeamline } from "@ophyd-ts/ioc-sim"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { peers, python } from "./peers.ts"

const overPyepics = `
import json, os, sys, epics
pv = lambda name: epics.PV(sys.argv[1] + "ad:" + name)
say = lambda value: print(json.dumps(value), flush=True)
def put(name, value): assert pv(name).put(value, wait=True, timeout=30) == 1, name
def get(name, **how): return pv(name).get(timeout=30, use_monitor=False, **how)
mode = pv("cam1:ImageMode"); mode.wait_for_connection(30)
say([mode.type, mode.count, list(mode.enum_strs)])
states = pv("cam1:DetectorState_RBV"); states.wait_for_connection(30)
say(list(states.enum_strs))
path = pv("HDF1:FilePath"); path.wait_for_connection(30)
say([path.type, path.nelm, pv("HDF1:FilePath.RTYP").get(timeout=30)])
put("HDF1:FilePath", sys.argv[2])
say(get("HDF1:FilePath_RBV", as_string=True))
time = pv("cam1:AcquireTime"); time.wait_for_connection(30)
say([time.type, time.precision, time.get(timeout=30)])
for name, value in [("cam1:SizeX", 64), ("cam1:SizeY", 48), ("cam1:ImageMode", "Multiple"), ("cam1:NumImages", 3),
                    ("cam1:DataType", "UInt16"), ("Stats1:EnableCallbacks", 1), ("cam1:WaitForPlugins", 1)]:
    put(name, value)
before = get("cam1:ArrayCounter_RBV")
put("cam1:Acquire", 1)
say([get("cam1:ArrayCounter_RBV") - before, get("cam1:Acquire_RBV"), get("cam1:DetectorState_RBV", as_string=True)])
data = pv("image1:ArrayData"); data.wait_for_connection(30)
pixels = data.get(count=64 * 48, timeout=30)
say([data.count, len(pixels), int(pixels.sum()) == int(get("Stats1:Total_RBV"))])
say(pv("cam1:DataType.RTYP").get(timeout=30))
say(pv("HDF1:WriteFile.RTYP").get(timeout=30))
`

const overP4p = `
import json, sys, numpy
from p4p.client.thread import Context
prefix = sys.argv[1] + "ad:"
say = lambda value: print(json.dumps(value), flush=True)
with Context("pva") as ctxt:
    put = lambda name, value: ctxt.put(prefix + name, value, request="record[block=true]", timeout=30)
    for name, value in [("cam1:SizeX", 30), ("cam1:SizeY", 20), ("cam1:MinX", 4), ("cam1:BinY", 2), ("cam1:ImageMode", 0)]:
        put(name, value)
    for mode, kind, shape in [(0, 3, (10, 30)), (1, 5, (10, 30, 3)), (3, 9, (3, 10, 30))]:
        put("cam1:ColorMode", mode)
        put("cam1:DataType", kind)
        put("cam1:Acquire", 1)
        image = ctxt.get(prefix + "Pva1:Image", timeout=30)
        say([list(image.shape), str(image.dtype), int(image.attrib["ColorMode"]), image.attrib["m1"]])
    raw = Context("pva", nt=False).get(prefix + "Pva1:Image", timeout=30)
    say(raw.getID())
    say([[d.size, d.offset, d.fullSize, d.binning, bool(d.reverse)] for d in raw.dimension])
    say([raw.codec.name, raw.uncompressedSize, raw.uniqueId, len(raw.attribute), raw.attribute[0].getID()])
    value = Context("pva", nt=False).get(prefix + "cam1:NumImages", timeout=30)
    say([value.getID(), type(value.value).__name__])
    name = ctxt.get(prefix + "cam1:StatusMessage_RBV", timeout=30)
    say([str(name.dtype), bytes(name.astype("uint8")).rstrip(bytes(1)).decode()])
    say(ctxt.get(prefix + "Pva1:PvName_RBV", timeout=30))
    alarm = Context("pva", nt=False).get(prefix + "Pva1:EnableCallbacks_RBV", timeout=30)
    say([alarm.value.index, list(alarm.value.choices), alarm.alarm.severity])
`

const h5pyReadsWhileWriting = `
import glob, json, sys, epics, h5py
prefix, folder, swmr = sys.argv[1] + "ad:", sys.argv[2], sys.argv[3] == "On"
say = lambda value: print(json.dumps(value), flush=True)
def put(name, value): assert epics.PV(prefix + name).put(value, wait=True, timeout=30) == 1, name
def get(name, **how): return epics.PV(prefix + name).get(timeout=30, use_monitor=False, **how)
for name, value in [("cam1:SizeX", 20), ("cam1:SizeY", 12), ("cam1:ImageMode", 1), ("cam1:NumImages", 4), ("cam1:MinX", 0),
                    ("cam1:BinY", 1), ("cam1:ColorMode", 0), ("cam1:DataType", 3),
                    ("cam1:WaitForPlugins", 1), ("HDF1:EnableCallbacks", 1), ("HDF1:FilePath", folder), ("HDF1:FileName", "h5py"),
                    ("HDF1:FileWriteMode", 2), ("HDF1:LazyOpen", 1), ("HDF1:NumCapture", 0), ("HDF1:SWMRMode", sys.argv[3]),
                    ("HDF1:Compression", 3)]:
    put(name, value)
capture = epics.PV(prefix + "HDF1:Capture")
capture.put(1, wait=False)
while get("HDF1:Capture_RBV") != 1: pass
put("cam1:Acquire", 1)
put("HDF1:FlushNow", 1)
path = get("HDF1:FullFileName_RBV", as_string=True)
with h5py.File(path, "r", libver="latest", swmr=swmr) as file:
    images = file["entry/data/data"]
    say(list(images.shape))
    put("cam1:Acquire", 1)
    put("HDF1:FlushNow", 1)
    if swmr: images.refresh()
    say(list(images.shape))
capture.put(0, wait=True, timeout=30)
with h5py.File(path, "r") as file:
    images = file["entry/data/data"]
    say([list(images.shape), str(images.dtype), list(images.chunks), images.compression, list(images.maxshape)])
    say(file["entry/instrument/detector/data"] == images)
    groups = {}
    file.visititems(lambda name, item: groups.__setitem__(name, item.attrs.get("NX_class")) if isinstance(item, h5py.Group) else None)
    say(groups)
    say({k: (v.item() if hasattr(v, "item") else v) for k, v in images.attrs.items()})
    attributes = file["entry/instrument/NDAttributes"]
    say(sorted(attributes))
    ids = attributes["NDArrayUniqueId"][:]
    say([len(ids), int(ids[-1] - ids[0]), str(ids.dtype), dict(attributes["m1"].attrs)])
    stamps, seconds, nano = (attributes[k][:] for k in ("NDArrayTimeStamp", "NDArrayEpicsTSSec", "NDArrayEpicsTSnSec"))
    say([bool((abs(stamps - seconds - nano / 1e9) < 1e-3).all()), str(seconds.dtype)])
    say(list(file["entry/instrument/performance/timestamp"].shape))
`

const tifffileReads = `
import glob, json, sys, epics, tifffile
prefix, folder = sys.argv[1] + "ad:", sys.argv[2]
say = lambda value: print(json.dumps(value), flush=True)
def put(name, value): assert epics.PV(prefix + name).put(value, wait=True, timeout=30) == 1, name
for name, value in [("cam1:SizeX", 64), ("cam1:SizeY", 48), ("cam1:ImageMode", 0), ("cam1:MinX", 0), ("cam1:BinY", 1),
                    ("cam1:WaitForPlugins", 1), ("TIFF1:EnableCallbacks", 1), ("TIFF1:FilePath", folder), ("TIFF1:FileName", "image"),
                    ("TIFF1:AutoSave", 1), ("Stats1:EnableCallbacks", 1), ("cam1:GainGreen", 2)]:
    put(name, value)
for mode, kind in [(0, 3), (0, 8), (1, 1), (2, 3), (3, 5)]:
    put("cam1:ColorMode", mode)
    put("cam1:DataType", kind)
    put("cam1:Acquire", 1)
    name = epics.PV(prefix + "TIFF1:FullFileName_RBV").get(as_string=True, timeout=30, use_monitor=False)
    total = epics.PV(prefix + "Stats1:Total_RBV").get(timeout=30, use_monitor=False)
    with tifffile.TiffFile(name) as file:
        image = file.asarray()
        colors = [int(image.take(c, axis=image.shape.index(3)).sum() > 0) for c in range(3)] if image.ndim == 3 else []
        say([sorted(image.shape), str(image.dtype), int(image.sum()) == int(total), colors, file.pages[0].tags[65001].value > 0])
`

describe("the embedded area detector", { timeout: 120_000 }, () => {
  const prefix = `t${Math.random().toString(36).slice(2, 8)}:`
  let ioc: EmbeddedBeamline
  let folder: string

  beforeAll(async () => {
    ioc = await startBeamline({ prefix })
    folder = await mkdtemp(join(tmpdir(), "ad-"))
  })
  afterAll(async () => {
    await ioc?.close()
    await rm(folder, { recursive: true, force: true })
  })
  const run = (script: string, ...args: string[]): Promise<unknown[]> =>
    python(script, { env: ioc.clientEnvironment(), args: [prefix, folder, ...args], timeout: 110 })

  it.skipIf(!peers().pyepics)(
    "is for libca a detector of areaDetector: records, texts, completion, pixels",
    async () => {
      expect(await run(overPyepics)).toEqual([
        ["time_enum", 1, ["Single", "Multiple", "Continuous"]],
        [
          ...["Idle", "Acquire", "Readout", "Correct", "Saving", "Aborting"],
          ...["Error", "Waiting", "Initializing", "Disconnected", "Aborted"],
        ],
        ["time_char", 256, "waveform"],
        `${folder}/`,
        ["time_double", 3, 0.01],
        [3, 0, "Idle"],
        [1024 * 1024 * 3, 64 * 48, true],
        "mbbo",
        "busy",
      ])
    },
  )

  it.skipIf(!peers().p4p)(
    "is for p4p one too: NTNDArray in all arrangements, and records as QSRV shows them",
    async () => {
      const seen = await run(overP4p)
      expect(seen).toEqual([
        [[10, 30], "uint16", 0, 0],
        [[10, 30, 3], "uint32", 2, 0],
        [[3, 10, 30], "float64", 4, 0],
        "epics:nt/NTNDArray:1.0",
        [
          [30, 4, 1024, 1, false],
          [10, 0, 1024, 2, false],
          [3, 0, 3, 1, false],
        ],
        ["", 7200, expect.any(Number), 6, "epics:nt/NTAttribute:1.0"],
        ["epics:nt/NTScalar:1.0", "int"],
        ["int8", "Waiting for acquisition"],
        `${prefix}ad:Pva1:Image`,
        [1, ["Disable", "Enable"], 1],
      ])
    },
  )

  it.skipIf(!peers().pyepics || !peers().h5py).each(["Off", "On"])(
    "writes files that h5py reads, also while they are written, with SWMR %s",
    async swmr => {
      const seen = await run(h5pyReadsWhileWriting, swmr)
      expect(seen).toEqual([
        [4, 12, 20],
        [swmr === "On" ? 8 : 4, 12, 20],
        [[8, 12, 20], "uint16", [1, 12, 20], "gzip", [null, 12, 20]],
        true,
        {
          entry: "NXentry",
          "entry/data": "NXdata",
          "entry/instrument": "NXinstrument",
          "entry/instrument/NDAttributes": "NXcollection",
          "entry/instrument/detector": "NXdetector",
          "entry/instrument/detector/NDAttributes": "NXcollection",
          "entry/instrument/performance": null,
        },
        { NX_class: "SDS", signal: 1, target: "/entry/instrument/detector/data" },
        [
          ...[
            "AcquireTime",
            "NDArrayEpicsTSSec",
            "NDArrayEpicsTSnSec",
            "NDArrayTimeStamp",
            "NDArrayUniqueId",
          ],
          ...["RingCurrent", "m1", "m2", "m3"],
        ],
        [8, 7, "int32", expect.objectContaining({ NDAttrName: "m1", NDAttrSource: `${prefix}m1.RBV` })],
        [true, "uint32"],
        [8, 5],
      ])
    },
  )

  it.skipIf(!peers().pyepics || !peers().tifffile)("writes TIFF files that tifffile reads", async () => {
    expect(await run(tifffileReads)).toEqual([
      [[48, 64], "uint16", true, [], true],
      [[48, 64], "float32", true, [], true],
      [[3, 48, 64], "uint8", true, [1, 1, 1], true],
      [[3, 48, 64], "uint16", true, [1, 1, 1], true],
      [[3, 48, 64], "uint32", true, [1, 1, 1], true],
    ])
  })
})
