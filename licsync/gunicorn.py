"""gunicorn's settings, used by ``up`` and by the web container: ``-c python:licsync.gunicorn``."""

from django.conf import settings

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
