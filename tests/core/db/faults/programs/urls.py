import os

from django.db import connection
from django.http import JsonResponse
from django.urls import path


def row(request, number):
    """Answer with what the server says the request asked for."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s, CONNECTION_ID()", [number])
        found, connection_id = cursor.fetchone()
    return JsonResponse({"row": found, "connection": connection_id, "pid": os.getpid()})


def slow(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT SLEEP(0.3)")
    return JsonResponse({})


urlpatterns = [path("rows/<int:number>", row), path("slow", slow)]
