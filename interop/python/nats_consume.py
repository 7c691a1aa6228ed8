"""The stock consumer: argv = url, subject, number of runs. Prints each document, ends after that many stops."""
import asyncio
import json
import os
import sys

from bluesky_nats.nats_dispatcher import NATSDispatcher


async def main():
    url, subject, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
    ended = asyncio.Event()
    stops = 0

    def receive(name, doc):
        nonlocal stops
        print(json.dumps([name, doc]))
        stops += name == "stop"
        if stops == runs:
            ended.set()

    dispatcher = NATSDispatcher(subject, servers=url, loop=asyncio.get_running_loop())
    dispatcher.subscribe(receive)
    async with asyncio.timeout(60):
        await dispatcher._setup()
        await ended.wait()
    # Its own stop() ends the loop under the feet of the one that called it.
    sys.stdout.flush()
    os._exit(0)


asyncio.run(main())
