"""Time for records that go on by themselves: each is advanced, with its lock held, until it says that it has ended."""

import threading
import time

TICK = 0.02  # seconds

woken = threading.Condition()
going_on = set()


def follow(record):
    """Calls record.advance(now) every tick until it gives False."""
    with woken:
        going_on.add(record)
        woken.notify()


def simulate():
    while True:
        with woken:
            while not going_on:
                woken.wait()
            records = list(going_on)
        time.sleep(TICK)
        for record in records:
            with record:
                if not record.advance(time.monotonic()):
                    with woken:
                        going_on.discard(record)


threading.Thread(target=simulate, name="simulation", daemon=True).start()
