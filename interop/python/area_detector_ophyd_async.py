"""Runs count with ophyd-async's SimDetector on the area detector of an IOC. Arguments: prefix, directory, points.

Prints the documents, one JSON list [name, document] per line.
"""
import asyncio
import json
import sys

from bluesky import RunEngine
from bluesky.plans import count
from ophyd_async.core import StaticPathProvider, UUIDFilenameProvider, init_devices
from ophyd_async.epics.adcore import ADWriterFactory
from ophyd_async.epics.adsimdetector import SimDetector

prefix, directory, points = sys.argv[1], sys.argv[2], int(sys.argv[3])
RE = RunEngine({}, context_managers=[])
paths = StaticPathProvider(UUIDFilenameProvider(), directory)
with init_devices(timeout=30):
    det = SimDetector(f"ca://{prefix}ad:", ADWriterFactory.hdf(paths), name="det")
RE.subscribe(lambda name, doc: print(json.dumps([name, doc])))
RE(count([det], points))
