/** ophyd's classes for a genuine ADSimDetector work on the embedded one: their PVs are there, and a scan finds the peak. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type EmbeddedBeamline, startBeamline } from "@ophyd-ts/ioc-sim"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { peers, python } from "./peers.ts"

/** Every PV of ophyd's classes for ADCore 3.4 that is about images and files, as suffixes below the plugin. */
const namesOfOphyd = `
import json
from ophyd import DynamicDeviceComponent
from ophyd.areadetector import cam, plugins
def suffixes(cls):
    for attr in cls.component_names:
        cpt = getattr(cls, attr)
        defined = cpt.defn.values() if isinstance(cpt, DynamicDeviceComponent) else [(cpt.cls, cpt.suffix, {})]
        for kind, suffix, _ in defined:
            if suffix is None: continue
            yield suffix
            if kind.__name__ == "EpicsSignalWithRBV": yield suffix + "_RBV"
classes = {
    "cam1:": cam.SimDetectorCam, "image1:": plugins.ImagePlugin_V34, "Pva1:": plugins.PvaPlugin_V34,
    "HDF1:": plugins.HDF5Plugin_V34, "TIFF1:": plugins.TIFFPlugin_V34, "Stats1:": plugins.StatsPlugin_V34,
    "ROI1:": plugins.ROIPlugin_V34,
}
print(json.dumps({name: sorted(set(suffixes(cls))) for name, cls in classes.items()}))
`

/** Records behind records: they pass values on inside the IOC; and the time series of the statistics plugin. */
const inside =
  /^(AsynIO|Dim\dSA.*|QueueFreeLow|QueueUseHI.*|SortFreeLow|MaxArrayRate_COUT|Set[XY]HOPR|TS.*|Reset[12]|ShutterFanout)$/

const scanOfBluesky = `
import json, os, sys
import h5py
from bluesky import RunEngine
from bluesky.plans import scan
from ophyd import Component, EpicsMotor, SimDetector, SingleTrigger
from ophyd.areadetector.cam import SimDetectorCam
from ophyd.areadetector.filestore_mixins import FileStoreHDF5IterativeWrite
from ophyd.areadetector.plugins import HDF5Plugin_V34, StatsPlugin_V34

prefix, folder = sys.argv[1:3]
say = lambda value: print(json.dumps(value), flush=True)

class Writer(HDF5Plugin_V34, FileStoreHDF5IterativeWrite):
    def get_frames_per_point(self):
        return self.parent.cam.num_images.get()

class Detector(SingleTrigger, SimDetector):
    cam = Component(SimDetectorCam, "cam1:")
    stats = Component(StatsPlugin_V34, "Stats1:")
    hdf = Component(Writer, "HDF1:", write_path_template=folder + "/%Y/%m/")

det = Detector(prefix + "ad:", name="det", read_attrs=["stats", "hdf"])
det.wait_for_connection(timeout=30)
for signal, value in [(det.cam.acquire_time, 0.01), (det.cam.size.size_x, 64), (det.cam.size.size_y, 64)]:
    signal.set(value).wait(30)
det.stats.kind = "normal"
det.stats.total.kind = "hinted"
det.hdf.kind = "normal"
det.validate_asyn_ports()
det.hdf.create_directory.set(-3).wait(30)
det.hdf.warmup()
m1 = EpicsMotor(prefix + "m1", name="m1")
m1.wait_for_connection(timeout=30)
documents = []
RE = RunEngine()
RE.subscribe(lambda name, doc: documents.append((name, doc)))
RE(scan([det], m1, -1.5, 2.5, 9))
stop = next(doc for name, doc in documents if name == "stop")
say([stop["exit_status"], stop["num_events"]["primary"]])
say([doc["data"]["det_stats_total"] for name, doc in documents if name == "event"])
key = next(doc for name, doc in documents if name == "descriptor")["data_keys"]["det_image"]
say([key["dtype_numpy"], key["shape"]])
resource = next(doc for name, doc in documents if name == "resource")
with h5py.File(os.path.join(resource["root"], resource["resource_path"])) as file:
    images = file["entry/data/data"]
    say([list(images.shape), str(images.dtype)])
    say([int(image.sum()) for image in images])
    say(file["entry/instrument/NDAttributes/m1"][:].tolist())
os._exit(0)  # pyepics may wait for ever when the interpreter ends
`

describe.skipIf(!peers().ophyd)("ophyd on the embedded area detector", { timeout: 120_000 }, () => {
  const prefix = `t${Math.random().toString(36).slice(2, 8)}:`
  let ioc: EmbeddedBeamline
  let folder: string

  beforeAll(async () => {
    ioc = await startBeamline({ prefix })
    folder = await mkdtemp(join(tmpdir(), "ophyd-"))
  })
  afterAll(async () => {
    await ioc?.close()
    await rm(folder, { recursive: true, force: true })
  })

  it("finds the PVs that its classes name", async () => {
    const [named] = await python<Record<string, string[]>>(namesOfOphyd)
    const served = new Set(ioc.pvNames)
    const missing = Object.entries(named ?? {}).flatMap(([plugin, suffixes]) =>
      suffixes
        .filter(suffix => !inside.test(suffix) && !served.has(`${prefix}ad:${plugin}${suffix}`))
        .map(suffix => plugin + suffix),
    )
    expect(Object.keys(named ?? {})).toHaveLength(7)
    expect(missing).toEqual([])
  })

  it.skipIf(!peers().bluesky || !peers().h5py)(
    "scans: the statistics have a peak, and the file has the images they are of",
    async () => {
      const seen = await python(scanOfBluesky, {
        env: ioc.clientEnvironment(),
        args: [prefix, folder],
        timeout: 110,
      })
      const [outcome, totals, key, file, sums, positions] = seen as [
        unknown,
        number[],
        unknown,
        unknown,
        number[],
        number[],
      ]
      expect(outcome).toEqual(["success", 9])
      expect(key).toEqual(["<u2", [1, 64, 64]])
      expect(file).toEqual([[9, 64, 64], "uint16"])
      expect(totals.indexOf(Math.max(...totals))).toBe(4)
      expect((totals[2] ?? 0) / (totals[4] ?? 1)).toBeCloseTo(Math.exp(-0.5 * (1 / 0.8) ** 2), 1)
      expect(sums).toEqual(totals)
      expect(positions).toEqual([-1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5].map(x => expect.closeTo(x, 3)))
    },
  )
})
