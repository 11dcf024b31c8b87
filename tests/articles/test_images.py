import io

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from articles import images
from articles.models import Banner


def upload(image_format="PNG", size=(8, 8), name="a.png"):
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, image_format)
    return SimpleUploadedFile(name, buffer.getvalue())


def error_of(file):
    with pytest.raises(ValidationError) as caught:
        images.validate_image(file)
    return caught.value.messages[0]


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_accepts_common_formats(image_format):
    images.validate_image(upload(image_format))


def test_refuses_a_format_that_browsers_or_tools_treat_as_a_program():
    assert error_of(upload("GIF")) == (
        "The image is GIF; JPEG, PNG and WebP are accepted."
    )


@pytest.mark.parametrize(
    "content", [b"<svg onload='alert(1)'/>", b"", b"\x89PNG\r\n\x1a\nbroken"]
)
def test_refuses_what_is_no_image(content):
    file = SimpleUploadedFile("a.png", content)

    assert error_of(file) == "The file is not a readable image."


def test_refuses_too_many_pixels():
    assert error_of(upload(size=(4001, 1))) == (
        "The image has 4001 × 1 pixels; at most 4000 a side."
    )


def test_refuses_too_many_bytes():
    file = SimpleUploadedFile("a.png", b"x" * (images.MAX_BYTES + 1))

    assert "at most 2.0\xa0MB are accepted" in error_of(file)


@pytest.mark.django_db
def test_file_gets_a_random_name_with_the_extension_of_its_content():
    banner = Banner.objects.create(title="t", image=upload("JPEG", name="../evil.php"))

    folder, name = banner.image.name.split("/")
    assert folder == "banner"
    assert len(name) == 32 + 4
    assert name.endswith(".jpg")
    with Image.open(banner.image) as stored:
        assert stored.format == "JPEG"


@pytest.mark.django_db
def test_code_may_save_an_image_under_a_name():
    banner = Banner.objects.create(title="t")

    banner.image.save("ridge.webp", upload("WEBP"))

    assert banner.image.name.endswith(".webp")
    assert "ridge" not in banner.image.name
