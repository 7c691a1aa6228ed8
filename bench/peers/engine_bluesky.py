"""Figures of bluesky for bench/engine.ts: engine_bluesky.py SAMPLES [PREFIX].

One JSON line {"name", "value"} per sample, rates per second, times in ms. With a prefix also the figure that reads the
records PREFIXr0 … r49 with ophyd; without one that is left out.
"""
import json
import sys
import time

from bluesky import Msg, RunEngine
from bluesky import plan_stubs as bps
from bluesky import plans as bp
from bluesky import preprocessors as bpp
from ophyd.sim import hw


class Wide:
    """A detector with many keys whose readings are at hand: what is measured is the engine's part."""

    parent = None
    hints = {}

    def __init__(self, name, width):
        self.name = name
        keys = [f"{name}_{i}" for i in range(width)]
        self._readings = {key: {"value": 1.0, "timestamp": 0.0} for key in keys}
        self._data_keys = {key: {"source": "sim", "dtype": "number", "shape": []} for key in keys}

    def read(self):
        return self._readings

    def describe(self):
        return self._data_keys

    def read_configuration(self):
        return {}

    def describe_configuration(self):
        return {}


def timed(fn):
    began = time.perf_counter()
    fn()
    return time.perf_counter() - began


samples = int(sys.argv[1])
RE = RunEngine()
RE.subscribe(lambda name, doc: None)
devices = hw()
wide = Wide("wide", 1000)


def bare(n):
    def plan():
        for _ in range(n):
            yield Msg("null")

    return n / timed(lambda: RE(plan()))


def stubs(n):
    def plan():
        for _ in range(n):
            yield from bps.null()

    return n / timed(lambda: RE(plan()))


def points(n):
    return n / timed(lambda: RE(bp.scan([devices.det], devices.motor, -1, 1, n)))


def event(n):
    def plan():
        for _ in range(n):
            yield from bps.trigger_and_read([wide])

    return 1000 * timed(lambda: RE(bpp.run_wrapper(plan()))) / n


def pvs(device):
    return lambda n: n / timed(lambda: RE(bp.count([device], n)))


figures = [
    ("bare messages", bare, 20000),
    ("messages through stubs", stubs, 5000),
    ("simulated scan points", points, 100),
    ("event of 1000 keys", event, 50),
]
if len(sys.argv) > 2:
    from ophyd import Component, Device, EpicsSignal

    parts = {f"s{i}": Component(EpicsSignal, f"r{i}") for i in range(50)}
    fifty = type("Fifty", (Device,), parts)(sys.argv[2], name="fifty")
    fifty.wait_for_connection(all_signals=True, timeout=60)
    figures.append(("point of 50 PVs", pvs(fifty), 100))
for name, run, n in figures:
    run(max(5, n // 10))
    for _ in range(samples):
        print(json.dumps({"name": name, "value": run(n)}), flush=True)
