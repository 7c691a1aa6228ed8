"""One measurement of caproto's threading client: ca_caproto.py MODE PREFIX [SECONDS]. Prints one JSON value.

The modes are those of ../ca/ours.ts. It finds servers by UDP alone.
"""

import json
import os
import resource
import socket
import sys
import threading
import time

from caproto.threading.client import Batch, Context
from measuring import rate_within

mode, prefix = sys.argv[1:3]
limit = float(sys.argv[3]) if len(sys.argv) > 3 else 1.0
rate = rate_within(limit)
context = Context(timeout=30)


def connected(*names):
    pvs = context.get_pvs(*names, timeout=60)
    for pv in pvs:
        pv.wait_for_connection(timeout=60)
    return pvs


def names(first, last):
    return [f"{prefix}r{i}" for i in range(first, last)]


def connect(count):
    connected(f"{prefix}array.NELM")
    start = time.perf_counter()
    connected(*names(0, count))
    return {"seconds": time.perf_counter() - start}


def memory():
    def resident(first, last):
        keep.append(connected(*names(first, last)))
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    before = resident(0, 1000)
    return (resident(1000, 3000) - before) / 2000


keep = []


def bulk():
    pvs = connected(*names(0, 1000))

    def call():
        done = threading.Event()
        left = [len(pvs)]

        def arrived(_):
            left[0] -= 1
            if left[0] == 0:
                done.set()

        with Batch(timeout=30) as batch:
            for pv in pvs:
                batch.read(pv, arrived, data_type="time")
        if not done.wait(30):
            raise TimeoutError("gets without an answer")

    return rate(call, len(pvs))


def latency():
    (pv,) = connected(f"{prefix}r0")
    samples = []

    def call():
        start = time.perf_counter()
        pv.read(data_type="time")
        samples.append((time.perf_counter() - start) * 1e6)

    rate(call)
    samples.sort()
    return {"p50": samples[len(samples) // 2], "p99": samples[int(len(samples) * 0.99)]}


def monitor(name):
    (pv,) = connected(name)
    seen = {"updates": 0, "lost": 0, "last": float("nan")}

    def see(_, response):
        value = response.data[0]
        seen["updates"] += 1
        if value > seen["last"] + 1:
            seen["lost"] += value - seen["last"] - 1
        seen["last"] = value

    # It reads all that there is and parses it before it delivers anything, in a time that rises with the square of the size: from a
    # flood into a buffer of megabytes nothing comes out within seconds. A small buffer helps it.
    pv.circuit_manager.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    keep.append(see)  # It holds its callbacks weakly.
    subscription = pv.subscribe(data_type="time")
    subscription.add_callback(see)
    time.sleep(0.5)
    seen["updates"] = seen["lost"] = 0
    cpu, start = time.process_time(), time.perf_counter()
    time.sleep(limit)
    elapsed, used = time.perf_counter() - start, time.process_time() - cpu
    updates = seen["updates"]
    if updates == 0:
        return {}
    return {"rate": updates / elapsed, "cpuPerUpdate": used * 1e6 / updates, "lost": seen["lost"]}


def single(name, action, calls=1):
    (pv,) = connected(name)
    return rate(lambda: action(pv), calls)


def read(pv):
    pv.read(data_type="time", timeout=30)


print(
    json.dumps(
        {
            "connect-1000": lambda: connect(1000),
            "connect-10000": lambda: connect(10000),
            "memory": memory,
            "get": lambda: single(f"{prefix}r0", read),
            "latency": latency,
            "put": lambda: single(f"{prefix}r0", lambda pv: pv.write([1.5], wait=True)),
            "get-bulk": bulk,
            "array": lambda: single(f"{prefix}array", read, 8),
            "flood-array": lambda: single("array", read, 8),
            "monitor": lambda: monitor(f"{prefix}free"),
            "flood": lambda: monitor("flood"),
        }[mode]()
    )
)
sys.stdout.flush()
# Its threads may still be busy with updates: leave without them.
os._exit(0)
