"""The scaler record: counts events of several channels for a preset time. Its own fields SR2, SR3 … say at which rate."""

import random
import time

from record_type import Record, write_text
from simulation import follow

CHANNELS = range(1, 33)


def dbd():
    """The published fields; those of channels are alike."""
    fields = [
        'field(VAL, DBF_DOUBLE) { prompt("Result") special(SPC_NOMOD) }',
        'field(CNT, DBF_MENU) { prompt("Count") pp(TRUE) special(SPC_MOD) menu(scalerCNT) }',
        'field(CONT, DBF_MENU) { prompt("OneShot/AutoCount") special(SPC_MOD) menu(scalerCONT) }',
        'field(FREQ, DBF_DOUBLE) { prompt("Time base freq") special(SPC_MOD) initial("1e7") }',
        'field(TP, DBF_DOUBLE) { prompt("Time Preset") special(SPC_MOD) initial("1") }',
        'field(TP1, DBF_DOUBLE) { prompt("Auto Time Preset") initial("1") }',
        'field(T, DBF_DOUBLE) { prompt("Timer") special(SPC_NOMOD) }',
        'field(DLY, DBF_DOUBLE) { prompt("Delay") }',
        'field(DLY1, DBF_DOUBLE) { prompt("Auto-mode Delay") }',
        'field(RATE, DBF_DOUBLE) { prompt("Display Rate (Hz)") initial("10") }',
        'field(RAT1, DBF_DOUBLE) { prompt("Auto Display Rate (Hz)") initial("10") }',
        'field(PREC, DBF_SHORT) { prompt("Display Precision") initial("3") prop(YES) }',
        'field(EGU, DBF_STRING) { prompt("Units Name") size(16) initial("s") prop(YES) }',
        'field(NCH, DBF_SHORT) { prompt("Number of Channels") special(SPC_NOMOD) initial("3") }',
    ]
    for n in CHANNELS:
        gate = 'initial("1")' if n == 1 else ""
        fields += [
            f'field(S{n}, DBF_LONG) {{ prompt("Count {n}") special(SPC_NOMOD) }}',
            f'field(PR{n}, DBF_LONG) {{ prompt("Preset {n}") special(SPC_MOD) }}',
            f'field(G{n}, DBF_MENU) {{ prompt("Gate Control {n}") menu(scalerGATE) {gate} }}',
            f'field(NM{n}, DBF_STRING) {{ prompt("Scaler {n} name") promptgroup("10 - Common") size(16) }}',
            f'field(SR{n}, DBF_DOUBLE) {{ prompt("Simulated rate {n}") }}',
        ]
    menus = {"CNT": ("Done", "Count"), "CONT": ("OneShot", "AutoCount"), "GATE": ("N", "Y")}
    text = ""
    for name, choices in menus.items():
        listed = " ".join(f'choice(scaler{name}_{choice}, "{choice}")' for choice in choices)
        text += f"menu(scaler{name}) {{ {listed} }}\n"
    return text + 'recordtype(scaler) {\n include "dbCommon.dbd"\n ' + "\n ".join(fields) + "\n}\n"


class Scaler(Record):
    type_name = "scaler"

    def init(self):
        self.counting = False  # for somebody who waits, not by AutoCount
        self.begun = None  # None: nothing is counted
        self.preset_from_time()

    def put(self, field):
        if field in ("TP", "FREQ"):
            self.preset_from_time()
        elif field == "PR1":
            self.post(TP=self["PR1"] / self["FREQ"])
        elif field.startswith("PR") and self[field] > 0:
            self.post(**{"G" + field[2:]: 1})
        elif field == "CONT" and not self.counting:
            self.auto_count()

    def preset_from_time(self):
        self.post(PR1=round(self["TP"] * self["FREQ"]), G1=1)

    def process(self):
        if self["CNT"] and not self.counting:
            self.counting = True
            self.begin(self["DLY"], self["TP"], self["RATE"])
        elif not self["CNT"]:
            if self.counting:
                self.count(time.monotonic())
            self.end()

    def auto_count(self):
        if self["CONT"]:
            self.begin(self["DLY1"], self["TP1"], self["RAT1"])
        else:
            self.begun = None

    def begin(self, delay, preset, rate):
        self.post(T=0.0, VAL=0.0, **{f"S{n}": 0 for n in CHANNELS})
        self.begun = self.shown = time.monotonic() + delay
        self.preset, self.period = preset, 1 / min(max(rate, 1), 50)
        follow(self)

    def advance(self, now):
        """True while another step is needed."""
        if self.begun is None:
            return False
        end = self.begun + self.preset
        if now >= end:
            self.count(end)
            self.end()
            return self.begun is not None
        if now >= self.shown + self.period:
            self.count(now)
        return True

    def count(self, now):
        if self.begun is None or now < self.begun:
            return
        elapsed, self.shown = now - self.shown, now
        passed = self.preset if now == self.begun + self.preset else now - self.begun
        counts = {"S1": round(passed * self["FREQ"])}
        for n in CHANNELS[1:]:
            mean = self[f"SR{n}"] * elapsed
            if mean > 0:
                counts[f"S{n}"] = self[f"S{n}"] + max(0, round(random.gauss(mean, mean**0.5)))
        self.stamp()
        self.post(T=passed, VAL=passed, **counts)

    def end(self):
        """The waiting put ends; AutoCount, if wanted, begins anew."""
        self.begun = None
        self.post(CNT=0)
        if self.counting or not self["CONT"]:
            self.counting = False
            self.finish()
        self.auto_count()

    @staticmethod
    def metadata(records):
        def get_units(dbaddr, target):
            write_text(target, records[dbaddr.contents.record]["EGU"], 16)
            return 0

        def get_precision(dbaddr, precision):
            precision[0] = records[dbaddr.contents.record]["PREC"]
            return 0

        return {"get_units": get_units, "get_precision": get_precision}
