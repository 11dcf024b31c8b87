from django.contrib.sessions import middleware
from django.http import HttpRequest, HttpResponse

from core.sessions.store import SessionStore


class SessionMiddleware(middleware.SessionMiddleware):
    """Django's, which also tells sessions who asks and prolongs them in time."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        if isinstance(request.session, SessionStore):
            request.session.request_meta = request.META

    def process_response(
        self, request: HttpRequest, response: HttpResponse
    ) -> HttpResponse:
        session = getattr(request, "session", None)
        if isinstance(session, SessionStore) and session.is_due:
            # Has it saved, and the cookie sent again.
            session.modified = True
        return super().process_response(request, response)
