"""Makes the calls of dmax that come as JSON lines: {"call": name, "args": {...}}. Answers a JSON line each."""

import contextlib
import json
import sys

from dmax.client import SyncClient
from dmax.processing import Workflow

config = json.loads(sys.argv[1])
client = SyncClient(**config)


def plain(value):
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.model_dump(mode="json")


def call(name, args):
    if "workflow" in args and isinstance(args["workflow"], dict):
        args["workflow"] = Workflow(**args["workflow"])
    # dmax prints the answer to a submission.
    with contextlib.redirect_stdout(sys.stderr):
        return plain(getattr(client, name)(**args))


for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"result": call(request["call"], request["args"])}
    except Exception as error:
        answer = {"error": type(error).__name__, "message": str(error)}
    print(json.dumps(answer), flush=True)
