"""Reads documents, one JSON list [name, document] per line, as event-model, h5py and bluesky's readers do.

Each line of standard input is the path of such a file, as JSON. It answers with one JSON value: what h5py finds at the
place that each stream_resource names, and what bluesky's consolidator says that it must find.
"""
import json
import sys
from urllib.parse import unquote, urlparse

import h5py
import numpy as np
from bluesky.consolidators import consolidator_factory
from event_model import DocumentNames, schema_validators


def read(path):
    descriptors, consolidators, resources, found = {}, {}, {}, []
    with open(path) as lines:
        documents = [json.loads(line) for line in lines]
    for name, doc in documents:
        schema_validators[DocumentNames[name]].validate(doc)
        if name == "descriptor":
            descriptors[doc["uid"]] = doc
        elif name == "stream_resource":
            resources[doc["uid"]] = doc
        elif name == "stream_datum":
            uid = doc["stream_resource"]
            if uid not in consolidators:
                consolidators[uid] = consolidator_factory(resources[uid], descriptors[doc["descriptor"]])
            consolidators[uid].consume_stream_datum(doc)
    for uid, doc in resources.items():
        with h5py.File(unquote(urlparse(doc["uri"]).path), "r") as file:
            dataset = file[doc["parameters"]["dataset"]]
            consolidator = consolidators[uid]
            consolidator.validate()
            found.append(
                {
                    "shape": list(dataset.shape),
                    "chunks": list(dataset.chunks),
                    "dtype": np.dtype(dataset.dtype).str,
                    "totals": [int(frame.sum()) for frame in dataset],
                    "announced": list(consolidator.shape),
                    "adapter": [int(frame.sum()) for frame in consolidator.get_adapter().read()],
                }
            )
    return {"documents": len(documents), "files": found}


for line in sys.stdin:
    print(json.dumps(read(json.loads(line))))
