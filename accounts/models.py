from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Department(models.Model):
    name = models.CharField(_("name"), max_length=100, unique=True)

    class Meta:
        verbose_name = _("department")
        verbose_name_plural = _("departments")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    phone = models.CharField(
        _("phone"),
        max_length=16,
        unique=True,
        null=True,
        blank=True,
        validators=[
            RegexValidator(
                r"\A\+[1-9][0-9]{6,14}\Z",
                _("Enter an international number such as +8613800138000."),
            )
        ],
        help_text=_("In international form, for example +8613800138000."),
    )
    department = models.ForeignKey(
        Department,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="users",
        verbose_name=_("department"),
    )

    class Meta(AbstractUser.Meta):
        constraints = [
            models.CheckConstraint(
                name="user_phone_is_international",
                condition=Q(phone__isnull=True) | Q(phone__startswith="+"),
            )
        ]

    class Importing:
        # A workbook makes accounts and never rights, and holds no passwords.
        exclude = {
            "password",
            "last_login",
            "is_staff",
            "is_superuser",
            "groups",
            "user_permissions",
        }
        values = {"password": lambda: make_password(None)}
