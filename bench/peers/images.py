"""One measurement of Python: images.py MODE ARGUMENT [EXPOSURE [STATISTICS]]. Prints one JSON value. The modes are those of ../images/ours.ts."""

import json
import sys
import time

mode, argument = sys.argv[1:3]
exposure = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0
statistics = sys.argv[4].split(",") if len(sys.argv) > 4 else ["total"]
points = 60


def steps(directory):
    import bluesky.plan_stubs as bps
    import bluesky.preprocessors as bpp
    from bluesky import RunEngine
    from ophyd import Component, SimDetector, SingleTrigger
    from ophyd.areadetector.filestore_mixins import FileStoreHDF5IterativeWrite
    from ophyd.areadetector.plugins import HDF5Plugin, StatsPlugin

    class Hdf5(HDF5Plugin, FileStoreHDF5IterativeWrite):
        pass

    class Trigger(SingleTrigger):
        def trigger(self):
            # The same, but for its result: ophyd's own is None where the exposure is over before it returns.
            status = self._status = self._status_type(self)
            self._acquisition_signal.put(1, wait=False)
            self.generate_datum(self._image_name, time.time(), {})
            return status

    class Detector(Trigger, SimDetector):
        hdf1 = Component(Hdf5, "HDF1:", write_path_template=directory)
        stats1 = Component(StatsPlugin, "Stats1:")

    detector = Detector("bench:ad:", name="det")
    detector.wait_for_connection(timeout=30)
    detector.read_attrs = ["hdf1", "stats1"]
    detector.stats1.read_attrs = statistics
    detector.cam.acquire_time.set(exposure).wait(10)
    detector.cam.acquire_period.set(exposure).wait(10)
    detector.hdf1.warmup()
    detector.cam.acquire_time.set(exposure).wait(10)
    detector.cam.acquire_period.set(exposure).wait(10)
    detector.cam.stage_sigs["acquire_time"] = exposure
    detector.cam.stage_sigs["acquire_period"] = exposure
    taken = {}

    @bpp.stage_decorator([detector])
    @bpp.run_decorator()
    def plan():
        for _ in range(5):
            yield from bps.trigger_and_read([detector])
        start = time.perf_counter()
        for _ in range(points):
            yield from bps.trigger_and_read([detector])
        taken["seconds"] = time.perf_counter() - start

    RunEngine({})(plan())
    seconds = taken["seconds"]
    return {"each": 1000 * seconds / points}


def frames(pv):
    from p4p.client.thread import Context

    seen = {"n": 0, "lost": 0, "last": None}

    def on_frame(frame):
        number = frame.raw.uniqueId
        if seen["last"] is not None and number > seen["last"] + 1:
            seen["lost"] += number - seen["last"] - 1
        seen["last"] = number
        seen["n"] += 1
        frame.flat[0]

    context = Context("pva")
    subscription = context.monitor(pv, on_frame, request="field()record[pipeline=true,queueSize=16]")
    time.sleep(1)
    before, lost, start = seen["n"], seen["lost"], time.perf_counter()
    time.sleep(3)
    result = {"rate": (seen["n"] - before) / (time.perf_counter() - start), "lost": seen["lost"] - lost}
    subscription.close()
    context.close()
    return result


print(json.dumps(steps(argument) if mode == "steps" else frames(argument)))
