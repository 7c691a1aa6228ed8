"""Record types written in Python, for the IOC of the epicscorelibs wheel.

The wheel holds EPICS Base with its own record types; motor, scaler and busy come from other EPICS modules and are not in any
wheel. Here such a type is a .dbd file with its fields and a class with its behaviour. Everything around it stays
EPICS Base as released: the process database, put notification, the Channel Access and pvAccess servers.
"""

import ctypes as c

from epicscorelibs.ioc import DEFAULT_DBD_PATH, dbCore, pdbbase

VALUE_AND_LOG = 1 | 2
PROPERTY = 8

STRING, ENUM = 0, 11  # of dbFldTypes.h
C_TYPES = {3: c.c_int16, 5: c.c_int32, 6: c.c_uint32, 10: c.c_double, 11: c.c_uint16, 12: c.c_uint16}
COMMON = {"STAT": c.c_uint16, "SEVR": c.c_uint16, "UDF": c.c_uint8}


class DbFldDes(c.Structure):
    """dbBase.h"""

    _fields_ = [
        ("prompt", c.c_char_p),
        ("name", c.c_char_p),
        ("extra", c.c_char_p),
        ("record_type", c.c_void_p),
        ("index", c.c_short),
        ("special", c.c_short),
        ("field_type", c.c_int),
        ("flags", c.c_uint),
        ("base", c.c_int),
        ("promptgroup", c.c_short),
        ("interest", c.c_short),
        ("as_level", c.c_int),
        ("initial", c.c_char_p),
        ("private", c.c_void_p),
        ("size", c.c_short),
        ("offset", c.c_ushort),
    ]


class DbRecordType(c.Structure):
    """dbBase.h"""


DbRecordType._fields_ = [
    ("next", c.POINTER(DbRecordType)),
    ("previous", c.POINTER(DbRecordType)),
    ("lists", (c.c_void_p * 3) * 4),  # four ELLLIST: two pointers and a padded int
    ("name", c.c_char_p),
    ("no_fields", c.c_short),
    ("no_prompt", c.c_short),
    ("no_links", c.c_short),
    ("no_aliases", c.c_short),
    ("link_ind", c.c_void_p),
    ("sorted_names", c.c_void_p),
    ("sorted_indices", c.c_void_p),
    ("val", c.c_void_p),
    ("val_index", c.c_short),
    ("fields", c.POINTER(c.POINTER(DbFldDes))),
    ("rset", c.c_void_p),
    ("rec_size", c.c_int),
]


class DbAddr(c.Structure):
    """dbAddr.h, as far as it is used"""

    _fields_ = [("record", c.c_void_p), ("field", c.c_void_p), ("description", c.POINTER(DbFldDes))]


class EnumStrings(c.Structure):
    """dbAccessDefs.h"""

    _fields_ = [("count", c.c_uint32), ("padding", c.c_uint32), ("text", (c.c_char * 40) * 30)]


CString = c.POINTER(c.c_char)
SIGNATURES = {  # recSup.h, in its order; None where no type of ours supplies a function
    "report": None,
    "init": None,
    "init_record": c.CFUNCTYPE(c.c_long, c.c_void_p, c.c_int),
    "process": c.CFUNCTYPE(c.c_long, c.c_void_p),
    "special": c.CFUNCTYPE(c.c_long, c.POINTER(DbAddr), c.c_int),
    "get_value": None,
    "cvt_dbaddr": None,
    "get_array_info": None,
    "put_array_info": None,
    "get_units": c.CFUNCTYPE(c.c_long, c.POINTER(DbAddr), CString),
    "get_precision": c.CFUNCTYPE(c.c_long, c.POINTER(DbAddr), c.POINTER(c.c_long)),
    "get_enum_str": c.CFUNCTYPE(c.c_long, c.POINTER(DbAddr), CString),
    "get_enum_strs": c.CFUNCTYPE(c.c_long, c.POINTER(DbAddr), c.POINTER(EnumStrings)),
    "put_enum_str": c.CFUNCTYPE(c.c_long, c.POINTER(DbAddr), c.c_char_p),
    "get_graphic_double": c.CFUNCTYPE(c.c_long, c.POINTER(DbAddr), c.POINTER(c.c_double)),
    "get_control_double": c.CFUNCTYPE(c.c_long, c.POINTER(DbAddr), c.POINTER(c.c_double)),
    "get_alarm_double": None,
}


class Rset(c.Structure):
    """recSup.h"""

    _fields_ = [("number", c.c_long)] + [(name, kind or c.c_void_p) for name, kind in SIGNATURES.items()]


SizeOffset = c.CFUNCTYPE(c.c_int, c.POINTER(DbRecordType))


class RecordTypeLocation(c.Structure):
    """registryRecordType.h"""

    _fields_ = [("rset", c.POINTER(Rset)), ("size_offset", SizeOffset)]


for function in ("dbScanLock", "dbScanUnlock", "recGblFwdLink", "recGblGetTimeStamp", "recGblResetAlarms"):
    getattr(dbCore, function).argtypes = [c.c_void_p]
dbCore.db_post_events.argtypes = [c.c_void_p, c.c_void_p, c.c_uint]
dbCore.registerRecordTypes.argtypes = [c.c_void_p, c.c_int, c.c_void_p, c.c_void_p]


class Record:
    """One record. Its methods run with the record's lock held; `with record:` takes it elsewhere."""

    layout = {}  # of the type: field name -> (offset, ctypes type)
    by_address = {}

    def __init__(self, address):
        self.address = address
        self.cells = {name: kind.from_address(address + offset) for name, (offset, kind) in self.layout.items()}

    def init(self):
        """The fields hold what the database file says."""

    def put(self, field):
        """A field with special(SPC_MOD) was written; one with pp(TRUE) is processed next."""

    def process(self):
        """Ends with finish(), now or later; put completion waits for it."""

    def __getitem__(self, field):
        return self.cells[field].value

    def __setitem__(self, field, value):
        self.cells[field].value = value

    def post(self, mask=VALUE_AND_LOG, **values):
        """Writes fields and sends those that changed to their monitors."""
        for field, value in values.items():
            if self[field] != value:
                self[field] = value
                self.announce(field, mask)

    def announce(self, field, mask=VALUE_AND_LOG):
        dbCore.db_post_events(self.address, c.addressof(self.cells[field]), mask)

    def stamp(self):
        dbCore.recGblGetTimeStamp(self.address)

    def finish(self):
        self.stamp()
        dbCore.recGblResetAlarms(self.address)
        dbCore.recGblFwdLink(self.address)

    def __enter__(self):
        dbCore.dbScanLock(self.address)

    def __exit__(self, *_):
        dbCore.dbScanUnlock(self.address)


def lay_out(record_class, record_type):
    """Fields of dbCommon lie as in every other type; the others follow, each at a multiple of eight bytes."""
    mine, other = record_type.contents, record_type.contents.previous.contents
    common = {}
    for i in range(other.no_fields):
        field = other.fields[i].contents
        if field.name == b"VAL":
            break
        common[field.name] = field
    offset = max(field.offset + field.size for field in common.values())
    record_class.layout = {}
    for i in range(mine.no_fields):
        field = mine.fields[i].contents
        name = field.name.decode()
        known = common.get(field.name)
        if known is not None:
            field.size, field.offset = known.size, known.offset
            if name in COMMON:
                record_class.layout[name] = (field.offset, COMMON[name])
            continue
        kind = c.c_char * field.size if field.field_type == STRING else C_TYPES[field.field_type]
        offset = (offset + 7) & ~7
        field.size, field.offset = c.sizeof(kind), offset
        record_class.layout[name] = (offset, kind)
        offset += field.size
    mine.rec_size = (offset + 7) & ~7
    return 0


def support(record_class):
    """The functions that Base calls for every record of the type."""
    records = Record.by_address

    def init_record(address, phase):
        if phase == 0:
            records[address] = record_class(address)
        else:
            record = records[address]
            record["UDF"] = record["STAT"] = record["SEVR"] = 0
            record.init()
            record.stamp()
        return 0

    def process(address):
        records[address].process()
        return 0

    def special(dbaddr, after):
        if after:
            records[dbaddr.contents.record].put(field_name(dbaddr))
        return 0

    functions = {"init_record": init_record, "process": process, "special": special}
    functions.update(record_class.metadata(records))
    return {name: SIGNATURES[name](function) for name, function in functions.items()}


def field_name(dbaddr):
    return dbaddr.contents.description.contents.name.decode()


def write_text(target, text, size):
    text = text[: size - 1] + b"\0"
    c.memmove(target, text, len(text))


def register(dbd, record_class):
    """After Base has registered its own types and before databases are loaded."""
    name = record_class.type_name.encode()
    if dbCore.dbLoadDatabase(dbd.encode(), DEFAULT_DBD_PATH.encode(), None):
        raise RuntimeError("Error loading " + dbd)
    rset = Rset(number=len(SIGNATURES), **support(record_class))
    location = RecordTypeLocation(c.pointer(rset), SizeOffset(lambda t: lay_out(record_class, t)))
    names = (c.c_char_p * 1)(name)
    record_class.kept = (rset, location, names)  # Base keeps pointers into these.
    if dbCore.registerRecordTypes(pdbbase, 1, names, c.byref(location)):
        raise RuntimeError("Error registering " + record_class.type_name)
