"""A Channel Access client (aioca, on libca) that does what its standard input says: one JSON request per line.

Each answer carries the id of its request; updates of a subscription carry the name of the channel.
"""

import asyncio
import json
import math
import sys

from aioca import FORMAT_CTRL, FORMAT_RAW, FORMAT_TIME, caget, cainfo, camonitor, caput

FORMATS = {"raw": FORMAT_RAW, "time": FORMAT_TIME, "ctrl": FORMAT_CTRL}
FIELDS = """status severity units precision enums raw_stamp element_count datatype
    upper_disp_limit lower_disp_limit upper_alarm_limit upper_warning_limit
    lower_warning_limit lower_alarm_limit upper_ctrl_limit lower_ctrl_limit""".split()
subscriptions = {}


def plain(value):
    """A value as JSON knows it; numbers that JSON has no word for as text."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (int, float, str)) or value is None:
        return value
    return str(value)


def describe(value):
    fields = {name: plain(getattr(value, name)) for name in FIELDS if hasattr(value, name)}
    return {"value": plain(value + 0 if isinstance(value, (int, float)) else value), **fields}


def say(message):
    print(json.dumps(message), flush=True)


async def get(pv, datatype=None, format="raw", count=0, timeout=10):
    return describe(await caget(pv, datatype=datatype, format=FORMATS[format], count=count, timeout=timeout))


async def put(pv, value, datatype=None, wait=True, timeout=10):
    await caput(pv, value, datatype=datatype, wait=wait, timeout=timeout)


async def info(pv, timeout=10):
    found = await cainfo(pv, timeout=timeout)
    return {name: plain(getattr(found, name)) for name in "state host read write count datatype".split()}


async def monitor(pv, datatype=None, format="time", events=0, count=0):
    def update(value):
        say({"pv": pv, "connected": value.ok, **(describe(value) if value.ok else {})})

    options = {"events": events} if events else {}
    subscriptions[pv] = camonitor(
        pv, update, datatype=datatype, format=FORMATS[format], count=count,
        all_updates=True, notify_disconnect=True, **options,
    )


async def cancel(pv):
    subscriptions.pop(pv).close()


COMMANDS = {"get": get, "put": put, "info": info, "monitor": monitor, "cancel": cancel}


async def carry_out(id, do, **arguments):
    try:
        say({"id": id, "result": await COMMANDS[do](**arguments)})
    except Exception as error:
        say({"id": id, "error": str(error) or type(error).__name__})


async def main():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**28)  # one line may hold a large array
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    tasks = set()
    while line := await reader.readline():
        tasks.add(asyncio.create_task(carry_out(**json.loads(line))))


asyncio.run(main())
