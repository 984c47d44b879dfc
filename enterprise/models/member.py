"""Persons who sign in to this console, and the one role each has per enterprise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    _UserManager = BaseUserManager["User"]
else:
    _UserManager = BaseUserManager


class UserManager(_UserManager):
    def create_user(
        self, username: str, email: str = "", password: str | None = None, **fields: Any
    ) -> User:
        user = self.model(username=username, email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person who signs in. There is no installation-wide administrator: rights come from roles."""

    class Theme(models.TextChoices):
        AUTO = "auto", _("Sync with system")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")
        LIGHT_HIGH_CONTRAST = "light_high_contrast", _("Light high contrast")
        DARK_HIGH_CONTRAST = "dark_high_contrast", _("Dark high contrast")

    username = models.CharField(
        _("Username"), max_length=150, unique=True, validators=[UnicodeUsernameValidator()]
    )
    email = models.EmailField(_("E-mail address"), blank=True)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)
    language = models.CharField(_("Language"), max_length=12, blank=True)
    time_zone = models.CharField(_("Time zone"), max_length=64, blank=True)
    theme = models.CharField(_("Theme"), max_length=24, choices=Theme, default=Theme.AUTO)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("username"), name="user_username_unique_any_case"),
        ]

    def __str__(self) -> str:
        return self.username


class Role(models.TextChoices):
    """What a person may do in one enterprise (domain.md section 8)."""

    OWNER = "owner", _("Enterprise owner")
    BILLING_MANAGER = "billing_manager", _("Billing manager")
    AUDITOR = "auditor", _("Auditor")


class Membership(models.Model):
    """One person's one role in one enterprise."""

    enterprise = models.ForeignKey(
        "enterprise.Enterprise", on_delete=models.CASCADE, related_name="memberships"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role)
    added_at = models.DateTimeField(auto_now_add=True)
    # The identity provider by whose group the role came, "" for a role given by hand.
    given_by = models.CharField(max_length=100, blank=True, default="", db_default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["enterprise", "user"], name="membership_one_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role}"


class GroupRole(models.Model):
    """Who is in this group of an identity provider has this role (``services.single_sign_on``)."""

    enterprise = models.ForeignKey(
        "enterprise.Enterprise", on_delete=models.CASCADE, related_name="group_roles"
    )
    provider = models.CharField(max_length=100)
    group = models.CharField(max_length=200)
    role = models.CharField(max_length=20, choices=Role)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["enterprise", "provider", "group"], name="group_role_one_a_group"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["provider", "group"], name="group_role_by_group")]

    def __str__(self) -> str:
        return f"{self.provider} {self.group}: {self.role}"


class SignInLink(models.Model):
    """A link that signs one person in, once, within the hour. Only the SHA-256 of its token is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_in_links")
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"sign-in link {self.pk}"
