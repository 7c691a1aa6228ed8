"""One measurement of Python devices: devices.py PEER MODE PREFIX [SECONDS]. Prints one JSON value.

PEER is ophyd or ophyd-async; the modes are those of ../devices/ours.ts.
"""

import asyncio
import gc
import json
import os
import sys
import time

peer, mode, prefix = sys.argv[1:4]
limit = float(sys.argv[4]) if len(sys.argv) > 4 else 1.0


def memory():
    gc.collect()
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096


def connected(elapsed, size):
    # The C library's memory shows in the process only; Python keeps next to nothing free, so this is also what is held.
    return {"seconds": elapsed, "bytes": size, "held": size}


def rate(call):
    for _ in range(20):
        call()
    start = time.perf_counter()
    done = 0
    while time.perf_counter() - start < limit:
        call()
        done += 1
    return done / (time.perf_counter() - start)


async def rate_async(call):
    for _ in range(20):
        await call()
    start = time.perf_counter()
    done = 0
    while time.perf_counter() - start < limit:
        await call()
        done += 1
    return done / (time.perf_counter() - start)


def ophyd_classic():
    from ophyd import Component, Device, EpicsSignal, Signal

    def axes(count):
        return type("Axes", (Device,), {f"s{i}": Component(EpicsSignal, f"r{i}", put_complete=True) for i in range(count)})

    if mode == "soft":
        signal = Signal(name="x", value=0.0)

        def set_and_read():
            signal.set(1.0).wait(20)
            signal.read()

        return rate(set_and_read)
    if mode.startswith("connect-"):
        count = int(mode.split("-")[1])
        EpicsSignal(f"{prefix}r0", name="first").wait_for_connection(30)
        before, start = memory(), time.perf_counter()
        device = axes(count)(prefix, name="axes")
        device.wait_for_connection(all_signals=True, timeout=120)
        elapsed = time.perf_counter() - start
        return connected(elapsed, (memory() - before) / count)
    device = axes(50)(prefix, name="axes")
    device.wait_for_connection(all_signals=True, timeout=60)
    if mode == "read-50":
        return rate(device.read)
    return rate(lambda: device.s0.set(1.0).wait(20))


async def ophyd_async():
    from ophyd_async.core import StandardReadable, soft_signal_rw
    from ophyd_async.epics.core import epics_signal_rw

    if mode == "soft":
        signal = soft_signal_rw(float, name="x")
        await signal.connect()

        async def set_and_read():
            await signal.set(1.0)
            await signal.read()

        return await rate_async(set_and_read)

    class Axes(StandardReadable):
        def __init__(self, count):
            with self.add_children_as_readables():
                for i in range(count):
                    setattr(self, f"s{i}", epics_signal_rw(float, f"ca://{prefix}r{i}"))
            super().__init__(name="axes")

    if mode.startswith("connect-"):
        count = int(mode.split("-")[1])
        await epics_signal_rw(float, f"ca://{prefix}r0", name="first").connect(timeout=30)
        before, start = memory(), time.perf_counter()
        device = Axes(count)
        await device.connect(timeout=120)
        elapsed = time.perf_counter() - start
        return connected(elapsed, (memory() - before) / count)
    device = Axes(50)
    await device.connect(timeout=60)
    if mode == "read-50":
        return await rate_async(device.read)
    return await rate_async(lambda: device.s0.set(1.0))


print(json.dumps(ophyd_classic() if peer == "ophyd" else asyncio.run(ophyd_async())), flush=True)
os._exit(0)  # Threads of a status may still be there, and nothing is left to lose.
