from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import translate_url
from django.utils.translation import get_language, get_language_info


def languages(request: HttpRequest) -> dict[str, Any]:
    """Give the addresses of the current page in every language.

    ``languages_menu`` is for the language switch, ``alternates`` (absolute
    addresses) for search engines.
    """
    path = request.get_full_path()
    menu = [
        {
            "code": code,
            "name": get_language_info(code)["name_local"],
            "url": translate_url(path, code),
            "is_current": code == get_language(),
        }
        for code, _name in settings.LANGUAGES
    ]
    alternates = [
        {
            "code": item["code"],
            "url": request.build_absolute_uri(
                translate_url(request.path, item["code"])
            ),
        }
        for item in menu
    ]
    return {"languages_menu": menu, "alternates": alternates}
