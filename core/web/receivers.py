"""What every unhandled exception leads to."""

import sys

from django.core import signals as django_signals
from django.dispatch import receiver
from django.http import HttpRequest

from core.signals import got_request_exception, request_tearing_down
from core.web.context import current_context
from core.web.errors import is_unavailable
from core.web.failures import record_failure


@receiver(
    django_signals.got_request_exception, dispatch_uid="core.web.announce_exception"
)
def announce_exception(*, request: HttpRequest, **kwargs: object) -> None:
    """Send Flask's signal, whose receivers cannot spoil the error page."""
    exception = sys.exc_info()[1]
    if exception is None or is_unavailable(exception):
        return  # It gets the page that says so, as what the middleware catches does.
    if context := current_context():
        context.exception = exception
    got_request_exception.send_robust(None, request=request, exception=exception)


@receiver(request_tearing_down, dispatch_uid="core.web.record_exception")
def record_exception(
    *, request: HttpRequest, exc: BaseException | None, **kwargs: object
) -> None:
    # Anything else, such as a client that left, is no fault of the code.
    if isinstance(exc, Exception):
        record_failure(request, exc)
