/** ophyd-async's detector, which checks the types of all its PVs, takes images on the embedded one over both protocols. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type EmbeddedBeamline, startBeamline } from "@ophyd-ts/ioc-sim"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { peers, python } from "./peers.ts"

const countOfBluesky = `
import json, os, sys
from pathlib import Path
import h5py
from bluesky import RunEngine
from bluesky.plans import count
from ophyd_async.core import StaticPathProvider, UUIDFilenameProvider, init_devices
from ophyd_async.epics.adcore import ADWriterFactory, NDROIIO, NDStatsIO
from ophyd_async.epics.adsimdetector import SimDetector

prefix, folder, protocol = sys.argv[1:4]
say = lambda value: print(json.dumps(value), flush=True)
RE = RunEngine()
documents = []
RE.subscribe(lambda name, document: documents.append((name, document)))
with init_devices(timeout=30):
    root = f"{protocol}://{prefix}ad:"
    writer = ADWriterFactory.hdf(StaticPathProvider(UUIDFilenameProvider(), Path(folder)))
    plugins = {"stats": NDStatsIO(root + "Stats1:"), "roi": NDROIIO(root + "ROI1:")}
    det = SimDetector(root, writer, plugins=plugins, name="det")
RE(count([det], num=3))
say([name for name, _ in documents])
say(documents[-1][1]["exit_status"])
resource = next(document for name, document in documents if name == "stream_resource")
say([document["indices"] for name, document in documents if name == "stream_datum"])
with h5py.File(resource["uri"].removeprefix("file://localhost")) as file:
    images = file[resource["parameters"]["dataset"]]
    say([list(images.shape), str(images.dtype), bool((images[:].sum(axis=(1, 2)) > 0).all())])
os._exit(0)  # pyepics, which bluesky brings along, may wait for ever when the interpreter ends
`

const ready = peers().ophydAsync && peers().bluesky && peers().h5py

describe.skipIf(!ready)("ophyd-async on the embedded area detector", { timeout: 120_000 }, () => {
  const prefix = `t${Math.random().toString(36).slice(2, 8)}:`
  let ioc: EmbeddedBeamline
  let folder: string

  beforeAll(async () => {
    ioc = await startBeamline({ prefix })
    folder = await mkdtemp(join(tmpdir(), "ophyd-async-"))
  })
  afterAll(async () => {
    await ioc?.close()
    await rm(folder, { recursive: true, force: true })
  })

  const protocols = [...(peers().aioca ? ["ca"] : []), ...(peers().p4p ? ["pva"] : [])]

  it.each(protocols)("counts over %s: three images in a file, announced one by one", async protocol => {
    const seen = await python(countOfBluesky, {
      env: ioc.clientEnvironment(),
      args: [prefix, folder, protocol],
      timeout: 110,
    })
    expect(seen).toEqual([
      [
        ...["start", "descriptor", "stream_resource"],
        ...[1, 2, 3].flatMap(() => ["stream_datum", "event"]),
        "stop",
      ],
      "success",
      [0, 1, 2].map(start => ({ start, stop: start + 1 })),
      [[3, 256, 256], "uint16", true],
    ])
  })
})
