"""Send requests through Django's ASGI handler, each of which gets a thread."""

import asyncio
import json
import sys

import django

django.setup()

from django.core.handlers.asgi import ASGIHandler  # noqa: E402
from django.db import connection  # noqa: E402

application = ASGIHandler()
AT_THE_SAME_TIME = 50


async def get(path, *, leaves_after=None):
    """Give the JSON of the answer, or None for a client that has left."""
    sent, is_answered = [], asyncio.Event()
    messages = iter([{"type": "http.request", "body": b""}])

    async def receive():
        for message in messages:
            return message
        if leaves_after is None:
            await is_answered.wait()
        else:
            await asyncio.sleep(leaves_after)
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            is_answered.set()

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"testserver")],
        "http_version": "1.1",
    }
    await application(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    return json.loads(body) if body else None


async def get_many(count):
    gate = asyncio.Semaphore(AT_THE_SAME_TIME)

    async def get_one(number):
        async with gate:
            return (await get(f"/rows/{number}"))["row"] == number

    return sum(await asyncio.gather(*map(get_one, range(count))))


async def many(count):
    await get("/rows/0")
    return {"right": await get_many(int(count))}


async def impatient():
    """Clients leave while their requests are running, or waiting in the queue."""
    await asyncio.gather(*(get("/slow", leaves_after=0.05) for _ in range(20)))
    return {"right": await get_many(20)}


if __name__ == "__main__":
    result = asyncio.run(globals()[sys.argv[1]](*sys.argv[2:]))
    stats = connection.pool.stats() if hasattr(connection, "pool") else None
    print(json.dumps({"result": result, "stats": stats}))
