"""caproto's server with the PVs of the benchmark, on the port of EPICS_CA_SERVER_PORT. Prints the port when it is up."""

import os

from caproto import ChannelDouble
from caproto.asyncio.server import run

pvdb = {
    "bench:scalar": ChannelDouble(value=0.0),
    "bench:array": ChannelDouble(value=[float(i) for i in range(1_000_000)], max_length=1_000_000),
}


async def ready(async_lib):
    print(os.environ["EPICS_CA_SERVER_PORT"], flush=True)


run(pvdb, interfaces=["127.0.0.1"], startup_hook=ready)
