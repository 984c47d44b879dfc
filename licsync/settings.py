from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "placeholder-until-the-settings-module-is-written"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "enterprise"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
AUTH_USER_MODEL = "enterprise.User"
USE_TZ = True
