"""
Stock software for runs in a Tiled catalogue, kept running because its imports take seconds. argv = url, key.
Requests are lines of JSON: {"read": uid} answers what a reader sees; {"write": [[name, document], ...]} sends documents
through bluesky's own writer; {"frames": path} makes an HDF5 file with four frames.
"""
import json
import sys

import h5py
import numpy
from bluesky_tiled_plugins import TiledWriter
from tiled.client import from_uri


def plain(value):
    if isinstance(value, numpy.ndarray):
        return [plain(v) for v in value.tolist()]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and value != value:
        return "NaN"
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value


def tree(node):
    """Names, kinds, specs and structures below a node."""
    item = node.item["attributes"]
    seen = {
        "family": item["structure_family"],
        "specs": [[s["name"], s["version"]] for s in item["specs"]],
        "metadata": sorted(node.metadata),
    }
    if item["structure_family"] == "table":
        schema = node.structure().arrow_schema_decoded
        seen["columns"] = {f.name: str(f.type) for f in schema}
    elif item["structure_family"] == "array":
        structure = node.structure()
        # The numbers in the names of axes follow the order of a set.
        named = [name.rsplit("_", 1)[0] for name in structure.dims or []]
        seen["array"] = [list(structure.shape), structure.data_type.to_numpy_str(), named]
    elif item["structure_family"] == "container":
        base = getattr(node, "base", node)
        seen["children"] = {key: tree(base[key]) for key in sorted(base.keys())}
    return seen


def read(catalog, uid):
    run = catalog[uid]
    streams = {}
    for name in run:
        stream = run[name]
        data = stream.read()
        streams[name] = {
            "data": {str(k): plain(data[k].values) for k in [*data.data_vars, *data.coords]},
            "configuration": stream.metadata["configuration"],
            "data_keys": stream.metadata["data_keys"],
            "updates": len(stream.metadata.get("_config_updates", [])),
            "seq_num": plain(stream["seq_num"].read()) if "seq_num" in stream else None,
            "hints": stream.metadata["hints"],
        }
    ended = "stop" in run.metadata
    return {
        "type": type(run).__name__,
        "start": dict(run.start),
        "stop": dict(run.metadata["stop"]) if ended else None,
        "notes": run.metadata.get("notes"),
        "streams": streams,
        "tree": tree(run),
        "documents": [[name, dict(doc)] for name, doc in run.documents()] if ended else [],
    }


def write(catalog, documents):
    writer = TiledWriter(catalog)
    floats = set()
    for name, doc in documents:
        if name == "descriptor":
            floats = {k for k, v in doc["data_keys"].items() if v["dtype"] == "number"}
        if name == "event":
            # JSON does not tell 1.0 from 1, a detector in Python would.
            doc["data"] = {k: float(v) if k in floats else v for k, v in doc["data"].items()}
        writer(name, doc)


def frames(path):
    with h5py.File(path, "w") as file:
        file["/entry/data/data"] = numpy.arange(24, dtype="<u2").reshape(4, 2, 3)


catalog = None
for line in sys.stdin:
    request = json.loads(line)
    if "frames" in request:
        frames(request["frames"])
        print(json.dumps("made"))
        continue
    # A fresh client: the server may have been another process until now.
    catalog = from_uri(sys.argv[1], api_key=sys.argv[2])
    if "read" in request:
        print(json.dumps(read(catalog, request["read"]), default=plain))
    else:
        write(catalog, request["write"])
        print(json.dumps("written"))
