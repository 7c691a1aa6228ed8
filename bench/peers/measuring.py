"""What the measurements of Python clients share."""

import time


def rate_within(limit):
    """Gives how to tell calls per second, measured for so many seconds after a first call."""

    def rate(call, calls=1):
        call()
        start = time.perf_counter()
        done = 0
        while time.perf_counter() - start < limit:
            call()
            done += calls
        return done / (time.perf_counter() - start)

    return rate
