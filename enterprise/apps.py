from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EnterpriseConfig(AppConfig):
    name = "enterprise"
    verbose_name = _("Enterprise")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from enterprise import own_sign_in  # noqa: F401, PLC0415 - signals
