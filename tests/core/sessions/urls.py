"""Small pages on the real settings' middleware, for requests in tests."""

from django.contrib.auth import get_user_model, login, logout
from django.db import OperationalError
from django.http import HttpResponse, JsonResponse
from django.urls import path

import config.urls


def data(request):
    return JsonResponse(dict(request.session.items()))


def set_values(request):
    request.session.update(request.GET.dict())
    return HttpResponse("set")


def append(request):
    request.session.setdefault("basket", []).append(request.GET["item"])
    return HttpResponse("appended")


def who(request):
    return HttpResponse(request.user.get_username() or "anonymous")


def log_in(request, username):
    user = get_user_model().objects.get(username=username)
    login(request, user)
    return HttpResponse("welcome")


def log_out(request):
    logout(request)
    return HttpResponse("bye")


def nothing(request):
    return HttpResponse("nothing")


def fail(request):
    request.session["a"] = "lost"
    raise OperationalError(2013, "Lost connection to server during query")


def close_with_browser(request):
    request.session.set_expiry(0)
    return HttpResponse("ok")


urlpatterns = [
    path("data", data),
    path("set", set_values),
    path("append", append),
    path("who", who),
    path("log-in/<username>", log_in),
    path("log-out", log_out),
    path("nothing", nothing),
    path("fail", fail),
    path("close-with-browser", close_with_browser),
    *config.urls.urlpatterns,
]
handler400 = config.urls.handler400
handler500 = config.urls.handler500
