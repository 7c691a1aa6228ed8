"""One measurement of a Channel Access client for Python: ca.py PEER MODE PREFIX [SECONDS]. Prints one JSON value.

PEER is pyepics or aioca; the modes are those of ../ca/ours.ts.
"""

import asyncio
import json
import os
import resource
import sys
import time

from measuring import rate_within

peer, mode, prefix = sys.argv[1:4]
limit = float(sys.argv[4]) if len(sys.argv) > 4 else 1.0
rate = rate_within(limit)
names = lambda count: [f"{prefix}r{i}" for i in range(count)]
# Subscriptions, to the end of the process: pyepics frees the callback with the last reference to it, and libca, whose
# thread may be on its way there, then jumps into freed memory.
keep = []


def quantiles(samples):
    samples.sort()
    return {"p50": samples[len(samples) // 2], "p99": samples[int(len(samples) * 0.99)]}


class Watch:
    """Counts updates, the gaps in them, and the processor time of one."""

    def __init__(self):
        self.updates = self.lost = 0
        self.last = None

    def see(self, value):
        self.updates += 1
        if self.last is not None and value > self.last + 1:
            self.lost += value - self.last - 1
        self.last = value

    def report(self, sleep):
        sleep(0.5)
        self.updates = self.lost = 0
        cpu, start = time.process_time(), time.perf_counter()
        sleep(limit)
        elapsed, used = time.perf_counter() - start, time.process_time() - cpu
        return {
            "rate": self.updates / elapsed,
            "cpuPerUpdate": used * 1e6 / max(1, self.updates),
            "lost": self.lost,
            "missing": 100 * self.lost / max(1, self.lost + self.updates),
        }


def pyepics():
    import epics
    from epics import ca

    ca.AUTO_CLEANUP = True

    def connect(count):
        first = ca.create_channel(f"{prefix}array.NELM", connect=True)
        start = time.perf_counter()
        channels = [ca.create_channel(name, connect=False, auto_cb=False) for name in names(count)]
        ca.poll(1e-4, 1.0)
        while not all(ca.isConnected(channel) for channel in channels):
            ca.poll(1e-3, 1.0)
        return {"seconds": time.perf_counter() - start}

    def channel(name):
        found = ca.create_channel(name, connect=False, auto_cb=False)
        if not ca.connect_channel(found, timeout=30):
            raise RuntimeError(f"{name} does not connect")
        return found

    def memory():
        def resident(first, last):
            channels = [ca.create_channel(name, connect=False, auto_cb=False) for name in names(last)[first:]]
            while not all(ca.isConnected(each) for each in channels):
                ca.poll(1e-3, 1.0)
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

        before = resident(0, 10000)
        return (resident(10000, 60000) - before) / 50000

    def bulk():
        channels = [ca.create_channel(name, connect=False, auto_cb=False) for name in names(1000)]
        for each in channels:
            ca.connect_channel(each, timeout=30)

        def call():
            for each in channels:
                ca.get(each, wait=False)
            for each in channels:
                ca.get_complete(each, timeout=30)

        return rate(call, 1000)

    def watch_monitor(name):
        watch = Watch()
        found = channel(name)
        keep.append(ca.create_subscription(found, callback=lambda value=None, **_: watch.see(value)))
        # libca delivers from a thread of its own.
        return watch.report(time.sleep)

    def array(name, write):
        found = channel(name)
        if write:
            import numpy

            ca.put(found, numpy.zeros(1_000_000), wait=True, timeout=60)
        return rate(lambda: ca.get(found, timeout=60), 8)

    def single(action):
        found = channel(f"{prefix}r0")
        return rate(lambda: action(found))

    def latency():
        samples = []

        def call(found):
            start = time.perf_counter()
            ca.get(found)
            samples.append((time.perf_counter() - start) * 1e6)

        single(call)
        return quantiles(samples)

    return {
        "connect-1000": lambda: connect(1000),
        "connect-10000": lambda: connect(10000),
        "memory": memory,
        "get": lambda: single(lambda found: ca.get(found)),
        "latency": latency,
        "put": lambda: single(lambda found: ca.put(found, 1.5, wait=True)),
        "get-bulk": bulk,
        "array": lambda: array(f"{prefix}array", True),
        "flood-array": lambda: array("array", False),
        "monitor": lambda: watch_monitor(f"{prefix}free"),
        "monitor-all": lambda: watch_monitor(f"{prefix}free"),
        "flood": lambda: watch_monitor("flood"),
    }[mode]()


def aioca():
    from aioca import FORMAT_TIME, caget, camonitor, caput, connect, purge_channel_caches

    async def arate(call, calls=1):
        await call()
        start = time.perf_counter()
        done = 0
        while time.perf_counter() - start < limit:
            await call()
            done += calls
        return done / (time.perf_counter() - start)

    async def connecting(count):
        await connect(f"{prefix}array.NELM", timeout=60)
        start = time.perf_counter()
        await connect(names(count), timeout=60)
        return {"seconds": time.perf_counter() - start}

    async def array(name, write):
        if write:
            import numpy

            await caput(name, numpy.zeros(1_000_000), wait=True, timeout=60)
        return await arate(lambda: caget(name, timeout=60), 8)

    async def monitor(name):
        watch = Watch()
        camonitor(name, watch.see, all_updates=True, format=FORMAT_TIME)
        await asyncio.sleep(0.5)
        watch.updates = watch.lost = 0
        cpu, start = time.process_time(), time.perf_counter()
        await asyncio.sleep(limit)
        elapsed, used = time.perf_counter() - start, time.process_time() - cpu
        return {
            "rate": watch.updates / elapsed,
            "cpuPerUpdate": used * 1e6 / max(1, watch.updates),
            "lost": watch.lost,
        }

    async def latency():
        samples = []

        async def call():
            start = time.perf_counter()
            await caget(f"{prefix}r0", format=FORMAT_TIME)
            samples.append((time.perf_counter() - start) * 1e6)

        await arate(call)
        return quantiles(samples)

    async def run():
        result = await {
            "connect-1000": lambda: connecting(1000),
            "connect-10000": lambda: connecting(10000),
            "latency": latency,
            "get": lambda: arate(lambda: caget(f"{prefix}r0", format=FORMAT_TIME)),
            "put": lambda: arate(lambda: caput(f"{prefix}r0", 1.5, wait=True)),
            "get-bulk": lambda: arate(lambda: caget(names(1000), format=FORMAT_TIME, timeout=60), 1000),
            "array": lambda: array(f"{prefix}array", True),
            "flood-array": lambda: array("array", False),
            "monitor": lambda: monitor(f"{prefix}free"),
            "flood": lambda: monitor("flood"),
        }[mode]()
        return result

    return asyncio.run(run())


print(json.dumps({"pyepics": pyepics, "aioca": aioca}[peer]()))
sys.stdout.flush()
# libca may still deliver updates: leave without its clean-up.
os._exit(0)
