"""Reactions to what happens around accounts."""

import logging

from django.dispatch import receiver
from django.template import Template

from core.signals import template_rendered

logger = logging.getLogger(__name__)

LOGIN_TEMPLATE = "login.html"


@receiver(template_rendered, dispatch_uid="accounts.login_page_rendered")
def login_page_rendered(*, template: Template, **kwargs: object) -> None:
    """Log each showing of a login page, the administration's or the site's."""
    name = template.name or ""
    if name.rpartition("/")[2] == LOGIN_TEMPLATE:
        logger.info("login page rendered: %s", name)
