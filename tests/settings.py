"""licsync's own settings in a data folder of this process, with clocks and hashing made fast.

``DATABASE_URL`` chooses the database; SQLite in a file by default, so that several threads and
processes meet the locks they meet in production.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

VAR_DIR = Path(tempfile.mkdtemp(prefix="licsync-tests-"))
atexit.register(shutil.rmtree, VAR_DIR, ignore_errors=True)

for name in [name for name in os.environ if name.startswith("LICSYNC_")]:
    if not name.startswith(("LICSYNC_TEST_", "LICSYNC_REQUIRE_")):
        del os.environ[name]
os.environ.pop("CELERY_BROKER_URL", None)
os.environ["LICSYNC_VAR_DIR"] = str(VAR_DIR)
os.environ["LICSYNC_ALLOW_LOOPBACK"] = "1"
os.environ["LICSYNC_RETRY_BASE_SECONDS"] = "0"

from licsync.settings import *  # noqa: E402, F403
from licsync.settings import DATABASES, STORAGES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_AUTOREFRESH = True  # finds files where they lie, without collectstatic
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous = OFF;"
else:
    DATABASES["default"]["TEST"] = {"NAME": f"test_licsync_{os.getpid()}"}
