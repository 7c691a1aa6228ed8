"""Runs plans with bluesky and writes what it did: messages, documents, states, how they ended.

    python interop/python/record_bluesky.py packages/run-engine/test/fixtures/bluesky

Each file is {"origin", "versions", "scenarios": {name: {"messages", "documents", "states", "error"}}}. What differs from
run to run is normalised: uids and groups are numbered in order of appearance, times are left out, and where bluesky
takes the order of motors from a set (staging, `motors` of some plans) they are sorted.
"""
import json
import math
import sys
import time
import warnings
from pathlib import Path

import bluesky
import event_model
import numpy as np
import ophyd
from bluesky import Msg, RunEngine
from bluesky import plan_stubs as bps
from bluesky import plans as bp
from bluesky import preprocessors as bpp
from bluesky.utils import RunEngineInterrupted
from ophyd.status import Status

warnings.simplefilter("ignore")


def finished(success=True):
    status = Status()
    if success:
        status.set_finished()
    else:
        status.set_exception(RuntimeError("it broke"))
    return status


def data_key(**more):
    return {"source": "sim", "dtype": "number", "shape": [], **more}


class Motor:
    """Moves at once."""

    parent = None

    def __init__(self, name, position=0.0):
        self.name = name
        self.at = position
        self.hints = {"fields": [name]}

    def __repr__(self):
        return self.name

    def set(self, value, **_):
        self.at = float(value)
        return finished()

    def locate(self):
        return {"setpoint": self.at, "readback": self.at}

    def read(self):
        now = time.time()
        return {
            self.name: {"value": self.at, "timestamp": now},
            f"{self.name}_setpoint": {"value": self.at, "timestamp": now},
        }

    def describe(self):
        return {self.name: data_key(precision=3, units="mm"), f"{self.name}_setpoint": data_key(precision=3, units="mm")}

    def read_configuration(self):
        return {f"{self.name}_velocity": {"value": 1.0, "timestamp": time.time()}}

    def describe_configuration(self):
        return {f"{self.name}_velocity": data_key(units="mm/s")}

    def stage(self):
        return [self]

    def unstage(self):
        return [self]

    def stop(self, *, success=False):
        pass


class Detector:
    """Counts its triggers."""

    parent = None

    def __init__(self, name, keys=None):
        self.name = name
        self.keys = keys or [name]
        self.count = 0
        self.gain = 1.0
        self.hints = {"fields": self.keys[:1]}

    def __repr__(self):
        return self.name

    def trigger(self):
        self.count += 1
        return finished()

    def read(self):
        return {key: {"value": float(self.count), "timestamp": time.time()} for key in self.keys}

    def describe(self):
        return {key: data_key() for key in self.keys}

    def read_configuration(self):
        return {f"{self.name}_gain": {"value": self.gain, "timestamp": time.time()}}

    def describe_configuration(self):
        return {f"{self.name}_gain": data_key()}

    def configure(self, values):
        old = self.read_configuration()
        self.gain = values["gain"]
        return old, self.read_configuration()

    def stage(self):
        return [self]

    def unstage(self):
        return [self]

    def subscribe(self, fn, **_):
        fn(None)

    def clear_sub(self, fn):
        pass


class Failing(Detector):
    def trigger(self):
        return finished(False)


class Flyer:
    parent = None

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name

    def kickoff(self):
        return finished()

    def complete(self):
        return finished()

    def describe_collect(self):
        return {"primary": {f"{self.name}_x": data_key(), f"{self.name}_y": data_key()}}

    def collect(self):
        for i in range(3):
            keys = [f"{self.name}_x", f"{self.name}_y"]
            yield {"time": float(i), "data": dict(zip(keys, [i, i * i])), "timestamps": dict.fromkeys(keys, float(i))}

    def read_configuration(self):
        return {}

    def describe_configuration(self):
        return {}


class Normaliser:
    """Numbers what differs from run to run."""

    def __init__(self):
        self.groups = {}
        self.uids = {}

    def group(self, group):
        return self.groups.setdefault(str(group), f"group {len(self.groups) + 1}")

    def waited(self, group):
        """What is begun in the same group after a wait is another group for the reader."""
        number = self.group(group)
        self.groups[f"{group} until {len(self.groups)}"] = self.groups.pop(str(group))
        return number

    def uid(self, uid, kind):
        return self.uids.setdefault(uid, f"{kind} {sum(k.startswith(kind) for k in self.uids.values()) + 1}")

    def plain(self, x):
        if isinstance(x, dict):
            return {k: sorted(self.plain(v)) if k == "motors" else self.plain(v) for k, v in x.items()}
        if isinstance(x, np.ndarray):
            return self.plain(x.tolist())
        if isinstance(x, (list, tuple)):
            return [self.plain(v) for v in x]
        if isinstance(x, (bool, np.bool_)):
            return bool(x)
        if isinstance(x, (int, float, np.number)):
            number = round(float(x), 9)
            return int(number) if number == math.floor(number) else number
        if x is None or isinstance(x, str):
            return x
        return getattr(x, "name", None) or getattr(x, "__name__", type(x).__name__)

    def message(self, msg):
        kwargs = dict(msg.kwargs)
        args = list(msg.args)
        if msg.command == "wait":
            kwargs = {"group": self.waited(kwargs["group"])}
        elif "group" in kwargs:
            kwargs["group"] = self.group(kwargs["group"])
        if msg.command != "open_run":
            kwargs = {k: v for k, v in kwargs.items() if v is not None}
        if msg.command == "collect":
            kwargs = {k: v for k, v in kwargs.items() if v and k != "return_payload"}
        return [msg.command, self.plain(msg.obj), self.plain(args), self.plain(kwargs), msg.run]

    def document(self, name, doc):
        doc = dict(doc)
        for key in ("time", "versions", "object_classes"):
            doc.pop(key, None)
        if name == "event_page":
            doc["uid"] = [self.uid(u, "event") for u in doc["uid"]]
        else:
            doc["uid"] = self.uid(doc["uid"], name)
        for key, kind in (("run_start", "start"), ("descriptor", "descriptor")):
            if key in doc:
                doc[key] = self.uid(doc[key], kind)
        if "timestamps" in doc:
            doc["timestamps"] = sorted(doc["timestamps"])
        if name == "descriptor":
            doc["configuration"] = {
                obj: {"data": c["data"], "data_keys": c["data_keys"], "timestamps": sorted(c["timestamps"])}
                for obj, c in doc["configuration"].items()
            }
        return [name, self.plain(doc)]


def sorted_staging(messages):
    result, run = [], []
    for message in [*messages, [None]]:
        if run and message[0] != run[0][0]:
            result += sorted(run, key=lambda m: m[1])
            run = []
        if message[0] in ("stage", "unstage"):
            run.append(message)
        elif message[0] is not None:
            result.append(message)
    return result


def record(make, after=None):
    """Runs one plan; `after` says what is done each time it is paused."""
    normaliser = Normaliser()
    messages, documents, states = [], [], []
    RE = RunEngine({})

    def on_message(msg):
        # How long the rest of a delay is, and whether there is one, depends on the machine.
        if msg.command != "sleep":
            messages.append(normaliser.message(msg))

    RE.msg_hook = on_message
    RE.state_hook = lambda now, before: states.append(str(now))
    RE.subscribe(lambda name, doc: documents.append(normaliser.document(name, doc)))
    error = None
    try:
        RE(make())
    except RunEngineInterrupted:
        while RE.state == "paused":
            try:
                getattr(RE, after)()
            except RunEngineInterrupted:
                pass
            except Exception as e:
                error = type(e).__name__
    except Exception as e:
        error = type(e).__name__
    messages = sorted_staging(messages)
    return {"messages": messages, "documents": documents, "states": states, "error": error}


def kit():
    return {
        "m": Motor("m", 5.0),
        "x": Motor("x"),
        "y": Motor("y"),
        "z": Motor("z"),
        "d": Detector("d"),
        "e": Detector("e", ["e", "e_sum"]),
        "f": Flyer("f"),
    }


def plans():
    def scenario(fn):
        return lambda: fn(**kit())

    return {
        "count": scenario(lambda d, **_: bp.count([d])),
        "count three of two detectors": scenario(lambda d, e, **_: bp.count([d, e], 3)),
        "count with delay": scenario(lambda d, **_: bp.count([d], 3, delay=0.02)),
        "count with a list of delays": scenario(lambda d, **_: bp.count([d], 3, delay=[0.02, 0.01])),
        "scan": scenario(lambda d, m, **_: bp.scan([d], m, -1, 1, 3)),
        "scan of two motors": scenario(lambda d, e, x, y, **_: bp.scan([d, e], x, -1, 1, y, 10, 20, 3)),
        "scan of one point": scenario(lambda d, x, **_: bp.scan([d], x, 2, 4, 1)),
        "rel_scan": scenario(lambda d, m, **_: bp.rel_scan([d], m, -1, 1, 3)),
        "list_scan": scenario(lambda d, x, y, **_: bp.list_scan([d], x, [1, 4, 2], y, [3, 3, 5])),
        "rel_list_scan": scenario(lambda d, m, **_: bp.rel_list_scan([d], m, [0, 1])),
        "grid_scan": scenario(lambda d, x, y, **_: bp.grid_scan([d], x, 0, 1, 2, y, 0, 2, 3)),
        "grid_scan snaked": scenario(lambda d, x, y, **_: bp.grid_scan([d], x, 0, 2, 3, y, 0, 1, 2, snake_axes=True)),
        "grid_scan of three axes": scenario(
            lambda d, x, y, z, **_: bp.grid_scan([d], x, 0, 1, 2, y, 0, 1, 2, z, 0, 2, 3)
        ),
        "grid_scan of three axes, all snaked": scenario(
            lambda d, x, y, z, **_: bp.grid_scan([d], x, 0, 1, 2, y, 0, 1, 2, z, 0, 2, 3, snake_axes=True)
        ),
        "grid_scan of three axes, the middle one snaked": scenario(
            lambda d, x, y, z, **_: bp.grid_scan([d], x, 0, 1, 2, y, 0, 1, 2, z, 0, 2, 3, snake_axes=[y])
        ),
        "rel_grid_scan": scenario(lambda d, m, y, **_: bp.rel_grid_scan([d], m, 0, 1, 2, y, 0, 1, 2)),
        "list_grid_scan": scenario(
            lambda d, x, y, **_: bp.list_grid_scan([d], x, [1, 2], y, [7, 5, 3], snake_axes=True)
        ),
        "rel_list_grid_scan": scenario(lambda d, m, y, **_: bp.rel_list_grid_scan([d], m, [1, 2], y, [7, 5])),
        "log_scan": scenario(lambda d, x, **_: bp.log_scan([d], x, 0, 2, 3)),
        "rel_log_scan": scenario(lambda d, m, **_: bp.rel_log_scan([d], m, 0, 1, 2)),
        "spiral": scenario(lambda d, x, y, **_: bp.spiral([d], x, y, 1, 2, 3, 4, 1, 3)),
        "spiral leaning": scenario(lambda d, x, y, **_: bp.spiral([d], x, y, 0, 0, 3, 4, 1, 3, dr_y=2, tilt=0.3)),
        "spiral_fermat": scenario(lambda d, x, y, **_: bp.spiral_fermat([d], x, y, 1, 2, 2, 3, 1, 1.5)),
        "spiral_fermat leaning": scenario(
            lambda d, x, y, **_: bp.spiral_fermat([d], x, y, 0, 0, 4, 4, 1, 1.5, dr_y=1.2, tilt=0.1)
        ),
        "spiral_square even by odd": scenario(lambda d, x, y, **_: bp.spiral_square([d], x, y, 1, 2, 3, 4, 4, 3)),
        "spiral_square odd by even": scenario(lambda d, x, y, **_: bp.spiral_square([d], x, y, 0, 0, 3, 4, 3, 4)),
        "rel_spiral": scenario(lambda d, m, y, **_: bp.rel_spiral([d], m, y, 2, 2, 1, 3)),
        "rel_spiral_fermat": scenario(lambda d, m, y, **_: bp.rel_spiral_fermat([d], m, y, 2, 2, 1, 1.5)),
        "rel_spiral_square": scenario(lambda d, m, y, **_: bp.rel_spiral_square([d], m, y, 2, 2, 2, 2)),
        "fly": scenario(lambda f, **_: bp.fly([f])),
        "mv": scenario(lambda x, y, **_: bps.mv(x, 1, y, 2)),
        "mvr": scenario(lambda m, **_: bps.mvr(m, 2)),
        "rd": scenario(lambda d, m, **_: bpp.pchain(bps.rd(m), bps.rd(d))),
        "baseline": scenario(lambda d, m, **_: bpp.baseline_wrapper(bp.count([d]), [m])),
        "monitor": scenario(lambda d, e, **_: bpp.monitor_during_wrapper(bp.count([d]), [e])),
        "fly during": scenario(lambda d, f, **_: bpp.fly_during_wrapper(bpp.run_wrapper(bps.trigger_and_read([d], "still")), [f])),
        "lazily staged": scenario(lambda d, x, **_: bpp.lazily_stage_wrapper(bpp.pchain(bps.abs_set(x, 1), bps.read(d)))),
        "configured in between": scenario(configured),
        "two runs at once": scenario(two_runs),
    }


def configured(d, **_):
    yield from bps.open_run()
    yield from bps.trigger_and_read([d])
    yield from bps.configure(d, {"gain": 2.0})
    yield from bps.trigger_and_read([d])
    yield from bps.close_run()


def two_runs(d, e, **_):
    yield Msg("open_run", None, run="one", which=1)
    yield Msg("open_run", None, run="two", which=2)
    yield from bpp.set_run_key_wrapper(bps.trigger_and_read([d]), "one")
    yield from bpp.set_run_key_wrapper(bps.trigger_and_read([e]), "two")
    yield from bpp.set_run_key_wrapper(bps.trigger_and_read([d]), "one")
    yield Msg("close_run", None, run="one")
    yield Msg("close_run", None, run="two")


def errors():
    def scenario(fn):
        return lambda: fn(**kit())

    def in_run(*messages):
        def plan(**_):
            yield Msg("open_run")
            for message in messages:
                yield message
            yield Msg("close_run")

        return scenario(plan)

    def alone(message):
        def plan(**_):
            yield message

        return scenario(plan)

    d, f = Detector("d"), Flyer("f")

    def boom(wrap):
        def plan(d, m, **_):
            yield from bps.trigger_and_read([d])
            raise RuntimeError("boom")

        def bare(d, m, **_):
            yield from bps.open_run()
            yield from plan(d, m)

        return scenario((lambda **k: bpp.run_wrapper(plan(**k))) if wrap else bare)

    return {
        "second open_run": in_run(Msg("open_run")),
        "close_run without run": alone(Msg("close_run")),
        "create without run": alone(Msg("create", name="primary")),
        "save without run": alone(Msg("save")),
        "drop without run": alone(Msg("drop")),
        "monitor without run": alone(Msg("monitor", d)),
        "kickoff without run": alone(Msg("kickoff", f)),
        "collect without run": alone(Msg("collect", f)),
        "save without create": in_run(Msg("save")),
        "second create": in_run(Msg("create", name="primary"), Msg("create", name="other")),
        "checkpoint in a bundle": in_run(Msg("create", name="primary"), Msg("checkpoint")),
        "configure in a bundle": in_run(Msg("create", name="primary"), Msg("configure", d, {"gain": 2})),
        "monitored twice": in_run(Msg("monitor", d, name="a"), Msg("monitor", d, name="b")),
        "unknown command": in_run(Msg("nonsense")),
        "empty bundle": in_run(Msg("create", name="primary"), Msg("save")),
        "a key from two devices": scenario(
            lambda **_: bpp.run_wrapper(bps.trigger_and_read([Detector("a", ["k"]), Detector("b", ["k"])]))
        ),
        "a stream with other objects": scenario(
            lambda d, e, **_: bpp.run_wrapper(bpp.pchain(bps.trigger_and_read([d]), bps.trigger_and_read([e])))
        ),
        "a failing trigger": scenario(lambda **_: bp.count([Failing("d")])),
        "an error in a wrapped plan": boom(True),
        "an error in a plan that is not wrapped": boom(False),
        "an error in a relative scan": scenario(lambda m, **_: bp.rel_scan([Failing("d")], m, -1, 1, 3)),
    }


def interruptions():
    """A small scan, paused before each of its messages and then ended in each way."""

    def plan(d, m, **_):
        return bp.rel_scan([d], m, -1, 1, 2)

    def pausing(position):
        count = 0

        def before(msg):
            nonlocal count
            count += 1
            if count != position:
                return None, None

            def head():
                yield Msg("pause", None, defer=False)
                return (yield msg)

            return head(), None

        return lambda: bpp.plan_mutator(plan(**kit()), before)

    length = len(record(lambda: plan(**kit()))["messages"])
    return {
        f"{verb} at {position}": record(pausing(position), verb)
        for verb in ("resume", "stop", "abort", "halt")
        for position in range(1, length + 1)
    }


def write(folder, name, scenarios):
    head = {
        "origin": "recorded from bluesky by interop/python/record_bluesky.py",
        "versions": {
            "bluesky": bluesky.__version__,
            "ophyd": ophyd.__version__,
            "event-model": event_model.__version__,
        },
    }

    def compact(x):
        return json.dumps(x, separators=(",", ":"), allow_nan=False)

    # One scenario per line, so that differences between versions can be read.
    lines = ",\n".join(f"  {compact(name)}: {compact(scenario)}" for name, scenario in scenarios.items())
    text = json.dumps(head, indent=1)[:-2] + ',\n "scenarios": {\n' + lines + "\n }\n}\n"
    (Path(folder) / f"{name}.json").write_text(text)


def main(folder):
    Path(folder).mkdir(parents=True, exist_ok=True)
    write(folder, "plans", {name: record(make) for name, make in plans().items()})
    write(folder, "errors", {name: record(make) for name, make in errors().items()})
    write(folder, "interruptions", interruptions())


if __name__ == "__main__":
    main(sys.argv[1])
