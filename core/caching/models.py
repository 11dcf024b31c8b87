from django.db import models


class Stamp(models.Model):
    """The stamps of the tags whose names hash to this slot; see ``stores.database``."""

    slot = models.PositiveSmallIntegerField(primary_key=True)
    stamp = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.slot}: {self.stamp}"
