"""Views that count how often they are run; ``RUNS`` is emptied by the tests."""

from collections import Counter

from django.conf.urls.i18n import i18n_patterns
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import include, path
from django.utils.translation import gettext

from articles.models import Banner
from core.caching import cached_view

RUNS = Counter()
BANNERS = ["articles.banner"]


def view(name, **options):
    """Cache a function that makes a response, under /<name>."""

    def decorate(make):
        def run(request, **kwargs):
            RUNS[name] += 1
            return make(request)

        cached = cached_view(**{"tags": BANNERS} | options)(run)
        urlpatterns.append(path(name, cached, name=name))
        return cached

    return decorate


urlpatterns = [
    path("i18n/", include("django.conf.urls.i18n")),
    *i18n_patterns(path("page", cached_view(tags=BANNERS)(lambda r: titles(r)))),
]


@view("titles")
def titles(request):
    text = ",".join(Banner.objects.order_by("pk").values_list("title", flat=True))
    return HttpResponse(f"{gettext('Home')}: {text}", headers={"X-Own": "kept"})


@view("shared", shared=True)
def shared(request):
    return JsonResponse({"n": RUNS["shared"]})


@view("known", query_string=["page"])
def known(request):
    return HttpResponse(request.GET.get("page", "1"))


@view("path-only", query_string=False)
def path_only(request):
    return HttpResponse("x")


@view("own-key", make_cache_key=lambda request: request.GET["k"])
def own_key(request):
    return HttpResponse("x")


@view("unless", unless=lambda request: "live" in request.headers)
def unless(request):
    return HttpResponse("x")


@view("forced", forced_update=lambda request: "again" in request.headers)
def forced(request):
    return HttpResponse("x")


@view("filtered", response_filter=lambda response: b"good" in response.content)
def filtered(request):
    return HttpResponse(request.GET["text"])


@view("template")
def template(request):
    return TemplateResponse(request, engines["django"].from_string("x"))


@view("sets-cookie")
def sets_cookie(request):
    response = HttpResponse("x")
    response.set_cookie("theme", "dark")
    return response


@view("private")
def private(request):
    return HttpResponse("x", headers={"Cache-Control": "private, max-age=60"})


@view("varies")
def varies(request):
    return HttpResponse("x", headers={"Vary": "Accept"})


@view("streams")
def streams(request):
    return StreamingHttpResponse(iter([b"x"]))


@view("missing")
def missing(request):
    return HttpResponse("x", status=404)


@view("csrf")
def csrf(request):
    return HttpResponse(get_token(request))


@view("writes-session")
def writes_session(request):
    request.session["n"] = 1
    return HttpResponse("x")


@view("reads-session", shared=True)
def reads_session(request):
    return HttpResponse(request.session.get("name", "nobody"))


@view("fails")
def fails(request):
    raise ZeroDivisionError


def guarded_run(request):
    RUNS["guarded"] += 1
    return HttpResponse("secret")


@cached_view(tags=BANNERS)
def slug(request, slug):
    return HttpResponse(slug)


urlpatterns.append(path("slugs/<str:slug>", slug))
guarded = cached_view(tags=BANNERS, shared=True)(guarded_run)
urlpatterns.append(path("guarded", login_required(guarded, login_url="/login")))


def handler400(request, exception):
    return HttpResponse(status=400)


def handler500(request):
    return HttpResponse(status=500)
