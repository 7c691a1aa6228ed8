"""The IOC of the wheels (EPICS Base, rsrv, QSRV2) with motor, scaler and busy records.

Options: -m MACROS -d FILE, repeated; without a file all of ../db, with P=sim: unless said otherwise. Python on standard
input is the IOC's shell, as `ioc("dbl")`; with --no-shell it runs until SIGTERM, as the first process of a container must.
"""

import argparse
import code
import glob
import os
import signal
import sys
import tempfile

from epicscorelibs import ioc
import pvxslibs.path

HERE = os.path.dirname(os.path.abspath(__file__))
register_base = ioc.registerRecordDeviceDriver


def register(base):
    failed = register_base(base)
    if not failed:
        import busy_record
        import motor_record
        import scaler_record
        from record_type import register as register_type

        register_type(os.path.join(HERE, "busyRecord.dbd"), busy_record.Busy)
        register_type(os.path.join(HERE, "motorRecord.dbd"), motor_record.Motor)
        with tempfile.TemporaryDirectory() as folder:
            dbd = os.path.join(folder, "scalerRecord.dbd")
            with open(dbd, "w") as file:
                file.write(scaler_record.dbd())
            register_type(dbd, scaler_record.Scaler)
    return failed


class Database(argparse.Action):
    """A file with the macros that precede it."""

    def __call__(self, parser, options, file, name=None):
        options.databases.append((file, options.macros))


parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("-m", "--macros", default="")
parser.add_argument("-d", "--database", dest="databases", default=[], action=Database)
parser.add_argument("--no-shell", action="store_true")
options = parser.parse_args()
beamline = sorted(glob.glob(os.path.join(HERE, "..", "db", "*.db")))

os.environ.setdefault("PVXS_QSRV_ENABLE", "YES")
ioc.registerRecordDeviceDriver = register
if options.no_shell:
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit())
ioc.start_ioc(
    dbs=options.databases or [(file, options.macros or "P=sim:") for file in beamline],
    extra_dbd_load=(("pvxsIoc.dbd", pvxslibs.path.dbd_path),),
    extra_dso_load=("pvxslibs.lib.pvxsIoc",),
)
if options.no_shell:
    while True:
        signal.pause()
code.interact(local={"exit": sys.exit, "ioc": ioc.ioc})
