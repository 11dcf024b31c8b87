from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from core.dispatch import Call, traced
from core.web.context import Context, aannounce, announce, entered
from core.web.errors import is_unavailable, method_not_allowed, service_unavailable
from core.web.request_id import HEADER, request_id
from core.web.responses import wants_json
from core.web.signal_map import server_timing


class ContextMiddleware:
    """Give each request its id and its context, and announce its stages.

    It comes first in ``MIDDLEWARE``: every response passes it, of the cache or of an
    error, and every transaction ends inside of it. Whatever happens in between, the
    context is popped.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(
        self, request: HttpRequest
    ) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self.acall(request)
        if not settings.DEBUG:
            return self.answer(request)
        with traced() as calls:
            response = self.answer(request)
        return with_timing(response, calls)

    async def acall(self, request: HttpRequest) -> HttpResponseBase:
        if not settings.DEBUG:
            return await self.aanswer(request)
        with traced() as calls:
            response = await self.aanswer(request)
        return with_timing(response, calls)

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        context = Context(request)
        with entered(context):
            response: HttpResponseBase = self.get_response(request)
            response.headers[HEADER] = request_id(request.META)
            announce(context.at_response(response))
            return response

    async def aanswer(self, request: HttpRequest) -> HttpResponseBase:
        context = Context(request)
        context.push()
        try:
            await aannounce(context.at_begin())
            response: HttpResponseBase = await self.get_response(request)
            response.headers[HEADER] = request_id(request.META)
            await aannounce(context.at_response(response))
            return response
        except BaseException as error:
            context.exception = error
            raise
        finally:
            try:
                await aannounce(context.at_end())
            finally:
                context.pop()
            await aannounce(context.after_pop())


def with_timing(response: HttpResponseBase, calls: list[Call]) -> HttpResponseBase:
    """Tell, under DEBUG, which receivers ran and how long they took."""
    if calls:
        response.headers["Server-Timing"] = server_timing(calls)
    return response


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
