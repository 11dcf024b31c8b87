"""What every unhandled exception leads to."""

import sys

from django.core import signals as django_signals
from django.dispatch import receiver
from django.http import HttpRequest

from core.signals import got_request_exception
from core.web.context import current_context


@receiver(
    django_signals.got_request_exception, dispatch_uid="core.web.announce_exception"
)
def announce_exception(*, request: HttpRequest, **kwargs: object) -> None:
    """Send Flask's signal, whose receivers cannot spoil the error page."""
    exception = sys.exc_info()[1]
    if context := current_context():
        context.exception = exception
    got_request_exception.send_robust(None, request=request, exception=exception)
