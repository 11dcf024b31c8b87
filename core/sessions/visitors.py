"""Where a session is used: what a request tells of it, and how people read that."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from django.utils.translation import gettext as _

LONGEST_AGENT = 200
# The first that appears counts: most browsers also claim to be the ones below them.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "MicroMessenger": "WeChat",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "Chrome": "Chrome",
    "Safari": "Safari",
    "curl": "curl",
}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "HarmonyOS": "HarmonyOS",
    "Android": "Android",
    "Windows": "Windows",
    "Macintosh": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def columns_of(request_meta: Mapping[str, Any]) -> dict[str, str | None]:
    """Give what is stored of a request; nothing if there is none, as in a script."""
    if not request_meta:
        return {}
    agent = request_meta.get("HTTP_USER_AGENT", "")[:LONGEST_AGENT]
    return {"ip": _address(request_meta.get("REMOTE_ADDR", "")), "user_agent": agent}


def _address(text: str) -> str | None:
    """Give an address; behind a unix socket there is none."""
    try:
        return str(ip_address(text.partition("%")[0]))
    except ValueError:
        return None


def device_of(user_agent: str) -> str:
    browser = _first(BROWSERS, user_agent)
    system = _first(SYSTEMS, user_agent)
    if browser and system:
        names = {"browser": browser, "system": system}
        return _("%(browser)s on %(system)s") % names
    return browser or system or _("Unknown device")


def _first(names: dict[str, str], user_agent: str) -> str:
    return next((name for mark, name in names.items() if mark in user_agent), "")
