"""caproto's own client and codec: reads each NAME in every family, follows it for a moment, and writes it back.

Usage: caproto_client.py NAME... Prints one JSON object per name.
"""

import json
import sys

from caproto import ChannelType, SubscriptionType
from caproto.sync.client import block, read, subscribe, write

FIELDS = """status severity precision units enum_strings
    upper_disp_limit lower_disp_limit upper_ctrl_limit lower_ctrl_limit""".split()


def plain(value):
    if isinstance(value, bytes):
        return value.decode()
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, str) and hasattr(value, "__iter__"):
        return [plain(item) for item in value]
    return value


def describe(response):
    metadata = response.metadata
    fields = {name: plain(getattr(metadata, name)) for name in FIELDS if hasattr(metadata, name)}
    # Limits of a CHAR are single bytes to caproto.
    fields.update({name: ord(value) for name, value in fields.items() if "limit" in name and isinstance(value, str)})
    if hasattr(metadata, "stamp"):
        stamp = metadata.stamp
        fields["stamp"] = [stamp.secondsSinceEpoch, stamp.nanoSeconds]
    return {"value": plain(response.data), **fields}


def updates(name):
    """What a subscription hears at first."""
    seen = []
    subscription = subscribe(name, mask=SubscriptionType.DBE_VALUE)
    # caproto keeps weak references to callbacks: this name keeps it alive.
    listen = lambda subscription, response: seen.append(plain(response.data))  # noqa: E731
    subscription.add_callback(listen)
    block(subscription, duration=0.3, timeout=10, repeater=False)
    return seen


for name in sys.argv[1:]:
    base = read(name, timeout=10, repeater=False)
    families = {
        family: describe(read(name, data_type=family, timeout=10, repeater=False))
        for family in ("status", "time", "graphic", "control")
    }
    written = write(name, base.data, notify=True, timeout=10, repeater=False)
    print(
        json.dumps(
            {
                "name": name,
                "type": ChannelType(base.data_type).name,
                "value": plain(base.data),
                **families,
                "heard": updates(name),
                "put": written.status.code_with_severity,
            }
        ),
        flush=True,
    )
