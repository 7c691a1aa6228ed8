"""The IOC of the wheels (EPICS Base, rsrv, QSRV2) with motor, scaler and busy records. Options: -m MACROS -d FILE, repeated."""

import os
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


os.environ.setdefault("PVXS_QSRV_ENABLE", "YES")
ioc.registerRecordDeviceDriver = register
ioc.main(
    extra_dbd_load=(("pvxsIoc.dbd", pvxslibs.path.dbd_path),), extra_dso_load=("pvxslibs.lib.pvxsIoc",)
)
