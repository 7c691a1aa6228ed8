"""Many virtual circuits to one server from one process: libca opens a circuit for each priority.

Usage: pyepics_circuits.py NAME CIRCUITS UPDATES. Prints "ready" when every circuit has its first value, then what each saw.
"""

import ctypes
import json
import sys
import time

from epics import ca

DOUBLE, VALUE = 6, 1
name, circuits, updates = sys.argv[1].encode(), int(sys.argv[2]), int(sys.argv[3])
seen = [[] for _ in range(circuits)]
libca = ca.initialize_libca()


class Update(ctypes.Structure):
    _fields_ = [
        ("index", ctypes.c_size_t),
        ("channel", ctypes.c_void_p),
        ("type", ctypes.c_long),
        ("count", ctypes.c_long),
        ("value", ctypes.POINTER(ctypes.c_double)),
        ("status", ctypes.c_int),
    ]


@ctypes.CFUNCTYPE(None, Update)
def on_update(update):
    seen[update.index].append(update.value[0])


channels = [ctypes.c_void_p() for _ in range(circuits)]
for priority, channel in enumerate(channels):
    assert libca.ca_create_channel(name, None, None, priority, ctypes.byref(channel)) == 1


def wait(condition):
    deadline = time.monotonic() + 60
    while not condition() and time.monotonic() < deadline:
        ca.pend_event(0.01)


wait(lambda: all(libca.ca_state(channel) == 2 for channel in channels))
for index, channel in enumerate(channels):
    libca.ca_create_subscription(DOUBLE, 1, channel, VALUE, on_update, ctypes.c_size_t(index), None)
wait(lambda: all(seen))
print(json.dumps("ready"), flush=True)
wait(lambda: all(len(values) > updates for values in seen))
print(json.dumps(seen), flush=True)
