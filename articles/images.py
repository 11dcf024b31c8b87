"""Checks for uploaded pictures, which are distrusted whatever they claim to be."""

import uuid
from pathlib import PurePath
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _
from PIL import Image, UnidentifiedImageError

MAX_BYTES = 2 * 1024 * 1024
MAX_SIDE_PIXELS = 4000
EXTENSIONS = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}


def upload_path(instance: Model, filename: str) -> str:
    """Name the file at random: the client's name reaches neither disk nor URL."""
    if image := instance.image:  # type: ignore[attr-defined]
        with Image.open(image) as picture:
            extension = EXTENSIONS[str(picture.format)]
    else:  # image.save(filename, content) in our own code
        extension = PurePath(filename).suffix
    return f"{instance._meta.model_name}/{uuid.uuid4().hex}{extension}"


def validate_image(upload: Any) -> None:
    """Accept JPEG, PNG and WebP within the limits; raise ValidationError."""
    if upload.size > MAX_BYTES:
        raise ValidationError(
            _("The image has %(size)s; at most %(limit)s are accepted."),
            params={
                "size": filesizeformat(upload.size),
                "limit": filesizeformat(MAX_BYTES),
            },
        )
    try:
        with Image.open(upload) as picture:
            image_format, size = picture.format, picture.size
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        raise ValidationError(_("The file is not a readable image.")) from None
    if image_format not in EXTENSIONS:
        raise ValidationError(
            _("The image is %(format)s; JPEG, PNG and WebP are accepted."),
            params={"format": image_format},
        )
    if max(size) > MAX_SIDE_PIXELS:
        raise ValidationError(
            _("The image has %(width)s × %(height)s pixels; at most %(limit)s a side."),
            params={"width": size[0], "height": size[1], "limit": MAX_SIDE_PIXELS},
        )
