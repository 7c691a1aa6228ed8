"""Ends with exit status 0 when both servers of the IOC in this container greet a client, as each does on its own."""

import os
import socket

for variable, usual in (("EPICS_CAS_SERVER_PORT", "5064"), ("EPICS_PVAS_SERVER_PORT", "5075")):
    port = int(os.environ.get(variable, usual))
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.settimeout(2)
        if not connection.recv(4096):
            raise SystemExit(f"the server on port {port} has closed the connection")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):  # Left unread, it would make the server complain of a reset.
            pass
