"""One measurement of p4p, the pvAccess client for Python: pva.py MODE PREFIX [SECONDS]. Prints one JSON value.

The modes are those of ../pva/ours.ts.
"""

import json
import os
import sys
import time

import numpy as np
from measuring import rate_within
from p4p.client.thread import Context

mode, prefix = sys.argv[1:3]
limit = float(sys.argv[3]) if len(sys.argv) > 3 else 1.0
rate = rate_within(limit)
ctxt = Context("pva")
names = lambda count: [f"{prefix}r{i}" for i in range(count)]


def connect(count):
    ctxt.get(f"{prefix}array.NELM", timeout=60)
    start = time.perf_counter()
    ctxt.get(names(count), timeout=60)
    return time.perf_counter() - start


def watch(name):
    seen = {"updates": 0, "lost": 0}

    def scalar():
        last = None

        def update(value):
            nonlocal last
            seen["updates"] += 1
            number = float(value)
            if last is not None and number > last + 1:
                seen["lost"] += number - last - 1
            last = number

        return update

    def image(value):
        seen["updates"] += value.size > 0

    if name in ("image", "segmented"):
        subscriptions = [ctxt.monitor(name, image)]
    else:
        subscriptions = [ctxt.monitor(each, scalar()) for each in ([name] if isinstance(name, str) else name)]
    time.sleep(0.5)
    seen["updates"] = seen["lost"] = 0
    cpu, start = time.process_time(), time.perf_counter()
    time.sleep(limit)
    elapsed, used = time.perf_counter() - start, time.process_time() - cpu
    result = {"rate": seen["updates"] / elapsed, "cpuPerUpdate": used * 1e6 / max(1, seen["updates"]), "lost": seen["lost"]}
    for subscription in subscriptions:
        subscription.close()
    return result


def array():
    name = f"{prefix}array"
    ctxt.put(name, np.zeros(1_000_000), timeout=60)
    return rate(lambda: ctxt.get(name, timeout=60), 8)


def bulk():
    many = names(1000)
    return rate(lambda: ctxt.get(many, timeout=60), len(many))


modes = {
    "connect-1000": lambda: connect(1000),
    "connect-10000": lambda: connect(10_000),
    "get": lambda: rate(lambda: ctxt.get(f"{prefix}r0", timeout=60)),
    "put": lambda: rate(lambda: ctxt.put(f"{prefix}r0", 1.5, wait=True, timeout=60)),
    "get-bulk": bulk,
    "array": array,
    "flood": lambda: watch("flood"),
    "scanned": lambda: watch([f"{prefix}s{i}" for i in range(2000)]),
    "image": lambda: watch("image"),
    "segmented": lambda: watch("segmented"),
}
print(json.dumps(modes[mode]()), flush=True)
# Closing a context that is being flooded may take long.
os._exit(0)
