from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse


def articles(request: HttpRequest) -> JsonResponse:
    """What every contender answers: ten articles, read with one query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, title FROM bench_article LIMIT 10")
        rows = [{"id": pk, "title": title} for pk, title in cursor.fetchall()]
    return JsonResponse({"code": 100, "msg": "Success", "result": rows})


def count_visits(request: HttpRequest) -> HttpResponse:
    """Change the session."""
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse(str(request.session["visits"]))


def read_visits(request: HttpRequest) -> HttpResponse:
    """Read the session."""
    return HttpResponse(str(request.session.get("visits", 0)))
