from django.apps import AppConfig


class LicsyncConfig(AppConfig):
    name = "licsync"

    def ready(self) -> None:
        from licsync import checks  # noqa: F401, PLC0415 - registers the system checks
