"""gunicorn's settings, used by ``up`` and by the web container: ``-c python:licsync.gunicorn``."""

import socket
import struct
from typing import Any

from django.conf import settings

CLIENT_SECONDS = 60  # how long a client may neither take nor send a byte

worker_class = "gthread"  # plain sync workers hang behind a few stalled clients
workers = 1 if settings.LICSYNC_EMBEDDED else 2
threads = 8 if settings.LICSYNC_EMBEDDED else 4
timeout = 60
graceful_timeout = 15
keepalive = 5
max_requests = 10_000
max_requests_jitter = 1_000
limit_request_line = 8190  # bytes; an address with 200 encoded characters may be long
forwarded_allow_ips = ""  # licsync.proxies decides whom to believe
control_socket_disable = True
logconfig_dict = settings.LOGGING


def when_ready(server: Any) -> None:
    """Give up clients that stand still; each would hold a thread for ever.

    What a listening socket accepts has its limits. gunicorn's own are of the first byte only, and
    on a blocking socket these hold beside them.
    """
    for listener in server.LISTENERS:
        for limit in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            listener.setsockopt(socket.SOL_SOCKET, limit, struct.pack("ll", CLIENT_SECONDS, 0))
