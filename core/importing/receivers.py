"""Files go with the run that they belong to."""

from functools import partial

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from core.importing.models import ImportRun, remove_files


@receiver(post_delete, sender=ImportRun, dispatch_uid="core_importing.run_deleted")
def run_deleted(*, instance: ImportRun, using: str, **kwargs: object) -> None:
    # A rollback brings the run back, but not its files.
    transaction.on_commit(partial(remove_files, instance), using=using)
