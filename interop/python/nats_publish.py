"""The stock publisher: a RunEngine of bluesky, its documents to NATS. argv = url, subject. Prints what it emitted."""
import json
import sys

import nats
from bluesky import RunEngine
from bluesky.plans import count, scan
from bluesky.preprocessors import baseline_wrapper
from bluesky_nats.nats_publisher import NATSPublisher
from bluesky_nats.nats_runtime import NatsRuntime
from bluesky_nats.outbox import Delivery, Outbox
from ophyd.sim import det, motor, motor1

with NatsRuntime() as runtime:
    client = runtime.connect(nats.connect(sys.argv[1]))
    outbox = Outbox(runtime, client, delivery=Delivery.CRITICAL)
    publisher = NATSPublisher(outbox, client.jetstream(), sys.argv[2])
    engine = RunEngine({"proposal": "2026-1"})
    engine.subscribe(publisher)
    engine.subscribe(lambda name, doc: print(json.dumps([name, doc])))
    engine(scan([det], motor, -1, 1, 3))
    engine(baseline_wrapper(count([det], 2), [motor1]))
    publisher.flush()
