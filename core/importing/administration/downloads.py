from typing import IO

from django.http import FileResponse


def download(file: IO[bytes], name: str) -> FileResponse:
    """Send a file to be saved and never shown: what it holds came from others."""
    response = FileResponse(file, as_attachment=True, filename=name)
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
