"""The ledger: one row per import that was asked for."""

import uuid
from pathlib import Path, PurePath

from django.conf import settings
from django.core.files.storage import FileSystemStorage, Storage
from django.db import models
from django.utils.translation import gettext_lazy as _


class PrivateStorage(FileSystemStorage):
    """Keeps uploads where no URL leads: in the folder ``IMPORTING_FOLDER``."""

    def __init__(self) -> None:
        super().__init__(file_permissions_mode=0o600, directory_permissions_mode=0o700)

    @property
    def base_location(self) -> str:
        return str(settings.IMPORTING_FOLDER)

    @property
    def location(self) -> str:
        return str(Path(self.base_location).absolute())


def private_storage() -> Storage:
    return PrivateStorage()


def random_name(run: "ImportRun", name: str) -> str:
    """Keep of an upload's name only how it ends."""
    return f"{uuid.uuid4().hex}{PurePath(name).suffix.lower()[:8]}"


class ImportRun(models.Model):
    """Who imported which file into which table, and what came of it.

    ``running`` is committed before anything else happens; ``done`` and the counts
    are written in the transaction that writes the data, so that the two agree
    whatever is killed or cut off.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    status = models.CharField(_("status"), max_length=10, choices=Status)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("user"),
    )
    host = models.CharField(_("host"), max_length=100, blank=True)
    pid = models.PositiveIntegerField(_("process"), null=True, blank=True)

    file_name = models.CharField(_("file"), max_length=255)
    file_size = models.PositiveBigIntegerField(_("size in bytes"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    upload = models.FileField(
        _("upload"), storage=private_storage, upload_to=random_name, blank=True
    )
    rejects = models.FileField(
        _("rejected rows"), storage=private_storage, upload_to=random_name, blank=True
    )
    table = models.CharField(_("table"), max_length=64)
    sheet = models.CharField(_("sheet"), max_length=255, blank=True)
    mode = models.CharField(_("mode"), max_length=10)
    request = models.JSONField(_("request"), default=dict)

    rows_read = models.PositiveIntegerField(_("rows read"), default=0)
    rows_blank = models.PositiveIntegerField(_("blank rows"), default=0)
    rows_inserted = models.PositiveIntegerField(_("rows added"), default=0)
    rows_updated = models.PositiveIntegerField(_("rows changed"), default=0)
    rows_unchanged = models.PositiveIntegerField(_("rows unchanged"), default=0)
    rows_deleted = models.PositiveIntegerField(_("rows deleted"), default=0)
    rows_rejected = models.PositiveIntegerField(_("rows rejected"), default=0)
    message = models.TextField(_("message"), blank=True)

    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-pk"]
        permissions = [("import_table", _("Can import workbooks"))]
        indexes = [
            models.Index(fields=["sha256", "table"], name="importrun_same_file"),
            models.Index(fields=["table", "status"], name="importrun_of_table"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.file_name} → {self.table}"
