from django.apps import AppConfig


class LicsyncConfig(AppConfig):
    name = "licsync"

    def ready(self) -> None:
        from licsync import checks, sign_in  # noqa: F401, PLC0415 - system checks, a signal
