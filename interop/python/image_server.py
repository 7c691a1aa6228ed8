"""Serves one NTNDArray with p4p. Each line of input is a frame to post; each line of output says what was posted."""

import base64
import json
import sys

import numpy as np
from p4p.nt import NTNDArray
from p4p.server import Server
from p4p.server.thread import SharedPV

nt = NTNDArray()
pv = SharedPV()  # takes whole values; closed until the first one


def image(dtype, shape):
    """Every value that the type has at its ends, and a pattern between."""
    pixels = np.arange(np.prod(shape), dtype=np.int64)
    pixels = (pixels * 3 - 5).astype(dtype).reshape(shape)
    if np.issubdtype(pixels.dtype, np.integer):
        pixels.flat[0], pixels.flat[1] = np.iinfo(dtype).min, np.iinfo(dtype).max
    elif pixels.dtype.kind == "f":
        pixels.flat[0], pixels.flat[1] = np.nan, -np.inf
    return pixels


def post(frame):
    pixels = image(frame["dtype"], frame["shape"])
    attributes = {"Gain": 2.5, "Sample": "Grüße", "Count": 7}
    if "colorMode" in frame:
        attributes["ColorMode"] = frame["colorMode"]
    value = nt.wrap(pixels, attrib=attributes, timestamp=(1_700_000_000, 250_000_000))
    value["uniqueId"] = frame["id"]
    value["dataTimeStamp"] = {"secondsPastEpoch": 1_600_000_000 + frame["id"], "nanoseconds": 500_000_000}
    if pv.isOpen():
        pv.post(value)
    else:
        pv.open(value)
    return pixels


with Server(providers=[{sys.argv[1]: pv}], isolate=True) as server:
    print(json.dumps(server.conf()["EPICS_PVAS_SERVER_PORT"]))
    for line in sys.stdin:
        command = json.loads(line)
        if "flood" in command:
            for number in range(command["first"], command["first"] + command["flood"]):
                post({"dtype": "uint16", "shape": [64, 64], "id": number})
            print(json.dumps({"posted": command["flood"]}))
        else:
            print(json.dumps({"pixels": base64.b64encode(post(command).tobytes()).decode()}))
