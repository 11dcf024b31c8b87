"""The rows of many-to-many tables that an import will write."""

import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import ManyToManyField

IN_MEMORY_BYTES = 1024 * 1024


class Links:
    """Pairs of a row of the sheet and a related row, kept until they can be loaded.

    They are found while the rows themselves are on their way to the server, which
    then takes nothing else. What is too large for memory goes to a file.
    """

    def __init__(self, fields: Iterable["ManyToManyField[Any, Any]"]) -> None:
        self._files = {
            field: tempfile.SpooledTemporaryFile(  # noqa: SIM115 (closed by close())
                IN_MEMORY_BYTES, "w+", encoding="utf-8", newline="\n"
            )
            for field in fields
        }

    @property
    def fields(self) -> list["ManyToManyField[Any, Any]"]:
        return list(self._files)

    def add(
        self, row: int, field: "ManyToManyField[Any, Any]", values: Iterable[str]
    ) -> None:
        file = self._files[field]
        for value in values:
            file.write(f"{row}\t{value}\n")

    def of(
        self, field: "ManyToManyField[Any, Any]"
    ) -> Iterator[tuple[str | None, ...]]:
        file = self._files[field]
        file.seek(0)
        for line in file:
            row, _, value = line.rstrip("\n").partition("\t")
            yield row, value

    def close(self) -> None:
        for file in self._files.values():
            file.close()
