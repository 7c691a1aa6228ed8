"""pyepics' PV objects, as people use them. Usage: pyepics_pv.py PREFIX. Prints one JSON object with what it saw."""

import json
import math
import sys
import time

import epics

prefix = sys.argv[1]


def plain(value):
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    if hasattr(value, "tolist"):
        return value.tolist()
    return value


def wait(condition):
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


heard = []
# With its callback from the beginning: the first value comes once, perhaps before a callback could be added.
double = epics.PV(prefix + "double", form="ctrl", callback=lambda value, **_: heard.append(value))
choice = epics.PV(prefix + "enum")
motor = epics.PV(prefix + "motor")
for pv in (double, choice, motor):
    assert pv.wait_for_connection(timeout=10), pv.pvname

wait(lambda: heard)
double.put(2.5, wait=True)
wait(lambda: len(heard) > 1)

started = time.monotonic()
motor.put(3, wait=True, timeout=20)
print(
    json.dumps(
        {
            "text": double.get(as_string=True),
            "control": {key: plain(value) for key, value in double.get_ctrlvars().items()},
            "heard": heard,
            "states": list(choice.enum_strs),
            "choice": [choice.get(), choice.get(as_string=True)],
            "char text": epics.caget(prefix + "chars", as_string=True),
            "array": plain(epics.caget(prefix + "array")),
            "empty": plain(epics.caget(prefix + "empty")),
            "completed after": time.monotonic() - started,
            "moved": motor.get(),
        }
    )
)
