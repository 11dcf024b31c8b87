"""The zip archive that a workbook is, distrusted.

Nothing is believed that the archive says of itself: bytes are counted while they are
inflated, entries must not share bytes, and the directory is only read up to a bound.
Parts that are not asked for are never inflated, whatever they hold.
"""

import io
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from core.importing.reading.faults import Damaged, Unreadable

MAX_PARTS = 10_000
MAX_DIRECTORY_BYTES = 2 * 1024**2
MAX_INFLATED_BYTES = 4 * 1024**3
# Deflate reaches 1,032; the emptiest real sheets stay below 100.
MAX_RATIO = 200
RATIO_COUNTS_FROM_BYTES = 16 * 1024**2
CHUNK_BYTES = 256 * 1024
LOCAL_HEADER_BYTES = 30
READABLE_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


class BoundedFile(io.BufferedReader):
    """Refuses large reads: ``zipfile`` reads the directory of an archive at once."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = MAX_DIRECTORY_BYTES + 1 if size is None or size < 0 else size
        if wanted > MAX_DIRECTORY_BYTES + 1:
            raise _too_many_parts()
        data = super().read(wanted)
        if len(data) > MAX_DIRECTORY_BYTES:
            raise _too_many_parts()
        return data


class Part:
    """One part while it is read; ``progress`` goes from 0 to 1."""

    def __init__(
        self, archive: "Archive", info: zipfile.ZipInfo, stream: IO[bytes]
    ) -> None:
        self._archive = archive
        self._info = info
        self._stream = stream
        self._inflated = 0

    @property
    def progress(self) -> float:
        return min(1.0, self._inflated / max(1, self._info.file_size))

    def chunks(self) -> Iterator[bytes]:
        while data := self._read():
            self._inflated += len(data)
            self._archive.count(len(data))
            if self._inflated > max(
                RATIO_COUNTS_FROM_BYTES, self._info.compress_size * MAX_RATIO
            ):
                raise _too_compressed()
            yield data

    def _read(self) -> bytes:
        with _zip_faults():
            return self._stream.read(CHUNK_BYTES)


class Archive:
    """The parts of a workbook by name, whatever slashes and case they are stored in."""

    def __init__(self, file: BoundedFile) -> None:
        with _zip_faults():
            self._zip = zipfile.ZipFile(file)
        try:
            infos = self._zip.infolist()
            if len(infos) > MAX_PARTS:
                raise _too_many_parts()
            _refuse_overlaps(infos, self._zip.start_dir)
            self._infos = _by_name(infos)
        except BaseException:
            self._zip.close()
            raise
        self._inflated = 0

    def close(self) -> None:
        self._zip.close()

    def __contains__(self, name: str) -> bool:
        return normalized(name) in self._infos

    def names(self) -> list[str]:
        return list(self._infos)

    @contextmanager
    def open(self, name: str) -> Iterator[Part]:
        info = self._infos.get(normalized(name))
        if info is None:
            raise Damaged(f"there is no part {name}")
        if info.flag_bits & 0x1 or info.compress_type not in READABLE_METHODS:
            raise Damaged(f"{name} is encrypted or of an unknown method")
        with _zip_faults():
            stream = self._zip.open(info)
        with stream:
            yield Part(self, info, stream)

    def count(self, inflated: int) -> None:
        self._inflated += inflated
        if self._inflated > MAX_INFLATED_BYTES:
            raise Unreadable(
                _("the workbook unpacks to more than %(size)s; it was not read.")
                % {"size": filesizeformat(MAX_INFLATED_BYTES)}
            )


@contextmanager
def _zip_faults() -> Iterator[None]:
    """Turn all that ``zipfile`` raises for a malformed archive into ``Damaged``."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,
        # A position before the start of the file; a name that is no UTF-8.
        ValueError,
    ) as error:
        raise Damaged(str(error)) from error


def normalized(name: str) -> str:
    """Give the name that is compared: in OPC case means nothing."""
    return posixpath.normpath(name.replace("\\", "/")).lstrip("/").lower()


def _by_name(infos: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        if info.filename.endswith("/"):
            continue  # a folder
        name = normalized(info.filename)
        if name in found:
            # Which of them is the part differs from program to program.
            raise Damaged(f"there are two parts {name}")
        found[name] = info
    return found


def _refuse_overlaps(infos: list[zipfile.ZipInfo], directory: int) -> None:
    """Refuse an archive that has one stream inflated many times."""
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise Damaged(f"{info.filename} overlaps another part")
        end = info.header_offset + LOCAL_HEADER_BYTES + info.compress_size
    if end > directory:
        raise Damaged("the directory overlaps a part")


def _too_many_parts() -> Unreadable:
    return Unreadable(
        _("the workbook has more than %(count)s parts; it was not read.")
        % {"count": MAX_PARTS}
    )


def _too_compressed() -> Unreadable:
    return Unreadable(
        _(
            "a part of the workbook is compressed more than %(ratio)s-fold, which "
            "real workbooks are not; it was not read."
        )
        % {"ratio": MAX_RATIO}
    )
