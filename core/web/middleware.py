from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from core.web.errors import is_unavailable, method_not_allowed, service_unavailable
from core.web.responses import wants_json


class ErrorPagesMiddleware(MiddlewareMixin):
    """Answer 503 while the database cannot be reached, also under DEBUG."""

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponse | None:
        if is_unavailable(exception):
            return service_unavailable(request, exception)
        return None

    def process_response(
        self, request: HttpRequest, response: HttpResponse
    ) -> HttpResponse:
        if response.status_code == 405 and wants_json(request):
            return method_not_allowed(request, response["Allow"])
        return response
