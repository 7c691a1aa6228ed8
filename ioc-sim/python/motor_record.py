"""The motor record: its fields move a simulated axis, and a put with completion ends with the move."""

import time

from motion import brake, plan, position
from record_type import PROPERTY, VALUE_AND_LOG, Record, field_name, write_text
from simulation import follow

STOP, PAUSE, MOVE, GO = range(4)  # SPMG
DIRECTION, DONE, PRESENT, MOVING, HOMED = 1, 1 << 1, 1 << 8, 1 << 10, 1 << 14  # MSTA


class Motor(Record):
    type_name = "motor"

    def init(self):
        self.segments = None  # the motion under way, in dial units
        self.started = 0.0
        self.settled = None  # when DLY has passed after the motion
        self.requested = False  # a target waits for process()
        self.held = False  # a target waits for SPMG
        self.stopping = False
        self.target = self["DRBV"] = self["DVAL"] = self.to_dial(self["VAL"])
        self["RBV"] = self["VAL"]
        self["MSTA"] = DONE | PRESENT | HOMED
        self.limits_from_dial()

    @property
    def sign(self):
        return -1 if self["DIR"] else 1

    @property
    def rate(self):
        return max(self["VELO"], 1e-6) / max(self["ACCL"], 1e-6)

    def to_dial(self, user):
        return (user - self["OFF"]) * self.sign

    def to_user(self, dial):
        return dial * self.sign + self["OFF"]

    def limits_from_dial(self):
        low, high = sorted((self.to_user(self["DHLM"]), self.to_user(self["DLLM"])))
        self.post(VALUE_AND_LOG | PROPERTY, LLM=low, HLM=high)

    def limits_from_user(self):
        low, high = sorted((self.to_dial(self["HLM"]), self.to_dial(self["LLM"])))
        self.post(VALUE_AND_LOG | PROPERTY, DLLM=low, DHLM=high)

    def show(self, dial):
        self.stamp()
        raw = round(dial / self["MRES"]) if self["MRES"] else 0
        self.post(DRBV=dial, RBV=self.to_user(dial), RRBV=raw, DIFF=self["DVAL"] - dial)

    def put(self, field):
        if field == "VAL":
            self.request(self.to_dial(self["VAL"]))
            self.announce("VAL")  # Base leaves that to a record type whose VAL processes it.
        elif field == "DVAL":
            self.request(self["DVAL"])
        elif field == "RLV":
            self.request(self["DVAL"] + self["RLV"] * self.sign)
            self.post(RLV=0.0)
        elif field in ("TWF", "TWR"):
            if self[field]:
                self.request(self["DVAL"] + self["TWV"] * self.sign * (1 if field == "TWF" else -1))
                self.post(**{field: 0})
        elif field in ("HOMF", "HOMR"):
            if self[field]:
                self.request(0.0)
                self.post(**{field: 0})
        elif field == "STOP":
            if self["STOP"]:
                self.stop()
                self.post(STOP=0)
        elif field == "SPMG":
            self.switch()
        elif field in ("OFF", "DIR"):
            self.post(VAL=self.to_user(self["DVAL"]))
            self.show(self["DRBV"])
            self.limits_from_dial()
        elif field in ("DHLM", "DLLM"):
            self.limits_from_dial()
        elif field in ("HLM", "LLM"):
            self.limits_from_user()

    def request(self, dial):
        """Takes a target, or puts back the last one when this one is outside the limits."""
        if self["SET"]:
            self.redefine(dial)
            return
        low, high = self["DLLM"], self["DHLM"]
        allowed = low == high or low <= dial <= high
        if allowed:
            self.target = dial
            self.requested = True
        self.post(LVIO=int(not allowed), MISS=0, VAL=self.to_user(self.target), DVAL=self.target)

    def redefine(self, dial):
        """SET mode: the position gets another number and the axis stays where it is."""
        if self["FOFF"]:
            self.target = dial
        else:
            self.target = self["DRBV"]
            self.post(VALUE_AND_LOG | PROPERTY, OFF=self["OFF"] + (dial - self.target) * self.sign)
            self.limits_from_dial()
        self.post(VAL=self.to_user(self.target), DVAL=self.target)
        self.show(self.target)

    def switch(self):
        if self["SPMG"] == STOP:
            self.stop()
        elif self["SPMG"] == PAUSE:
            self.held = not self["DMOV"]
            self.brake()
        elif self.held:
            self.held = False
            self.requested = True

    def stop(self):
        self.requested = self.held = False
        if not self["DMOV"]:
            self.stopping = True
            self.brake()

    def brake(self):
        now = time.monotonic()
        x, v = position(self.segments, now - self.started) if self.segments else (self["DRBV"], 0.0)
        self.set_out(brake(x, v, self.rate), now)

    def process(self):
        if self.requested:
            self.requested = False
            self.post(DMOV=0)
            if self["SPMG"] in (MOVE, GO):
                self.begin()
            else:
                self.held = True
        if self["DMOV"]:
            self.finish()

    def begin(self):
        now = time.monotonic()
        x, v = position(self.segments, now - self.started) if self.segments else (self["DRBV"], 0.0)
        self.stopping = False
        forward = self.target >= x
        status = PRESENT | HOMED | MOVING | (DIRECTION if forward else 0)
        self.post(MOVN=1, TDIR=int(forward == (self.sign > 0)), MSTA=status)
        self.set_out(plan(x, v, self.target, max(self["VELO"], 1e-6), self.rate), now)

    def set_out(self, segments, now):
        if self["DMOV"]:
            return
        self.segments, self.started, self.settled = segments, now, None
        follow(self)

    def advance(self, now):
        """One step of the simulation. True while another is needed."""
        if self.segments is None:
            return False
        x, _ = position(self.segments, now - self.started)
        self.show(x)
        if now - self.started < sum(segment[0] for segment in self.segments):
            return True
        self.post(MOVN=0)
        self.settled = self.settled or now + self["DLY"]
        if now < self.settled:
            return True
        self.segments = None
        if self.held:
            return False
        if self.stopping:
            self.stopping = False
            self.target = x
            self.post(VAL=self.to_user(x), DVAL=x, DIFF=0.0)
        self.post(MSTA=DONE | PRESENT | HOMED | (self["MSTA"] & DIRECTION), DMOV=1)
        if self["SPMG"] == MOVE:
            self.post(SPMG=PAUSE)
        self.finish()
        return False

    @staticmethod
    def metadata(records):
        def get_units(dbaddr, target):
            write_text(target, records[dbaddr.contents.record]["EGU"], 16)
            return 0

        def get_precision(dbaddr, precision):
            precision[0] = records[dbaddr.contents.record]["PREC"]
            return 0

        def get_limits(dbaddr, limits):
            motor = records[dbaddr.contents.record]
            field = field_name(dbaddr)
            if field in ("VAL", "RBV", "HLM", "LLM"):
                limits[0], limits[1] = motor["HLM"], motor["LLM"]
            elif field in ("DVAL", "DRBV", "DHLM", "DLLM"):
                limits[0], limits[1] = motor["DHLM"], motor["DLLM"]
            elif field == "VELO":
                limits[0], limits[1] = motor["VMAX"], motor["VBAS"]
            return 0

        return {
            "get_units": get_units,
            "get_precision": get_precision,
            "get_graphic_double": get_limits,
            "get_control_double": get_limits,
        }
