"""Greenlets that read one cold value: ``python -m … REDIS_URL``."""

import gevent.monkey

gevent.monkey.patch_all()

import json  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from types import SimpleNamespace  # noqa: E402

import django  # noqa: E402
import gevent  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402

from core.caching import get_or_build  # noqa: E402
from tests.core.caching.conftest import use_redis  # noqa: E402
from tests.waiting import wait_until  # noqa: E402

READERS = 20


class Source:
    loads = 0

    def __call__(self):
        self.loads += 1
        time.sleep(0.3)
        return self.loads


def main(url):
    use_redis(settings, SimpleNamespace(url=url))
    source = Source()

    def read():
        return get_or_build("slow", source, tags=["articles.banner"])

    builder = gevent.spawn(read)
    wait_until(lambda: source.loads == 1)
    others = [gevent.spawn(read) for _ in range(READERS)]
    gevent.joinall([builder, *others], raise_error=True)
    values = [reader.value for reader in (builder, *others)]
    print(json.dumps({"loads": source.loads, "values": values}))


main(sys.argv[1])
