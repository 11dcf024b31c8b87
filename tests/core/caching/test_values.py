"""What every cached value promises, on both stamp stores."""

from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils import timezone

from articles.models import Banner
from core.caching import (
    NotCacheable,
    cached,
    delete_memoized,
    get_or_build,
    invalidate,
    invalidate_all,
    memoize,
)
from tests.factories import make_banner

BANNERS = ["articles.banner"]

pytestmark = pytest.mark.usefixtures("store")


def titles():
    return list(Banner.objects.order_by("pk").values_list("title", flat=True))


def read(loader, *, key="titles", tags=BANNERS, **options):
    return get_or_build(key, loader, tags=tags, **options)


def test_loads_once(loader_of):
    make_banner(title="one")
    loader = loader_of(titles)

    values = [read(loader) for _ in range(3)]

    assert values == [["one"]] * 3
    assert loader.calls == 1


def test_commit_voids_the_value(loader_of):
    banner = make_banner(title="old")
    loader = loader_of(titles)
    read(loader)

    banner.title = "new"
    banner.save()

    assert read(loader) == ["new"]
    assert loader.calls == 2


def test_rollback_leaves_the_value(loader_of):
    make_banner(title="kept")
    loader = loader_of(titles)
    read(loader)

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Banner.objects.update(title="never")
        raise ZeroDivisionError

    assert read(loader) == ["kept"]
    assert loader.calls == 1


def test_transaction_reads_its_own_writes_and_stores_nothing(loader_of):
    make_banner(title="old")
    loader = loader_of(titles)
    read(loader)

    with transaction.atomic():
        Banner.objects.update(title="own")
        inside = read(loader)
        transaction.set_rollback(True)

    assert inside == ["own"]
    assert read(loader) == ["old"]


def test_caches_none():
    calls = []

    for _ in range(2):
        assert read(lambda: calls.append(1)) is None

    assert len(calls) == 1


def test_does_not_cache_none_if_told_so():
    calls = []

    for _ in range(2):
        assert read(lambda: calls.append(1), cache_none=False) is None

    assert len(calls) == 2


def test_forced_update_rebuilds(loader_of):
    loader = loader_of(titles)
    read(loader)

    read(loader, forced_update=True)
    read(loader)

    assert loader.calls == 2


def test_miss_and_hit_give_the_same_types():
    first, second = (read(lambda: {"pair": (1, 2)}) for _ in range(2))

    assert first == second == {"pair": [1, 2]}


def test_value_ends_with_its_timeout(loader_of):
    loader = loader_of(titles)
    read(loader, timeout=0.05)

    deadline = timezone.now() + timedelta(seconds=0.06)
    while timezone.now() < deadline:
        pass
    read(loader)

    assert loader.calls == 2


def test_value_ends_at_the_next_moment_that_changes_it(loader_of):
    loader = loader_of(titles)
    moment = timezone.now() + timedelta(seconds=0.2)
    read(loader, until=lambda: moment)
    read(loader, until=lambda: moment)
    before = loader.calls

    while timezone.now() < moment:
        pass
    read(loader)

    assert (before, loader.calls) == (1, 2)


def test_failing_loader_reaches_the_caller_and_stores_nothing(loader_of):
    loader = loader_of(titles)

    with pytest.raises(ZeroDivisionError):
        read(lambda: 1 / 0)

    assert read(loader) == []
    assert loader.calls == 1


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"rows": [{"at": timezone.now()}]}, "value['rows'][0]['at'] is of type dat"),
        ([1, {2: "x"}], "value[1] is a dict with the key 2"),
        ([float("nan")], "value[0] is nan"),
        (object(), "value is of type object"),
    ],
)
def test_refuses_what_json_would_not_give_back(value, path):
    with pytest.raises(NotCacheable) as refused:
        read(lambda: value)

    assert "The value for the cache key 'titles'" in str(refused.value)
    assert path in str(refused.value)


@pytest.mark.parametrize(
    ("key", "tags", "message"),
    [
        (7, BANNERS, "A cache key must be a string such as 'banners', found 7."),
        ("k", [7], "A cache tag must be a string such as articles.article, found 7."),
        ("k", "articles.banner", "must be a list or tuple of strings"),
        ("k", ["articles.bannr"], "The cache tag 'articles.bannr' names no model"),
        ("k", ["banner"], "The cache tag 'banner' names no model"),
        ("k", ["auth.group"], "names a model that is not tracked"),
    ],
)
def test_refuses_wrong_keys_and_tags(key, tags, message):
    with pytest.raises(ImproperlyConfigured) as refused:
        read(titles, key=key, tags=tags)

    assert message in str(refused.value)


def test_invalidate_voids_by_tag(loader_of):
    banners, articles = loader_of(titles), loader_of(titles)
    read(banners)
    read(articles, key="other", tags=["articles.article"])

    invalidate("articles.banner")
    read(banners)
    read(articles, key="other", tags=["articles.article"])

    assert (banners.calls, articles.calls) == (2, 1)


def test_invalidate_waits_for_the_commit(loader_of):
    loader = loader_of(titles)
    read(loader)

    with transaction.atomic():
        invalidate("articles.banner")
        transaction.set_rollback(True)
    read(loader)

    assert loader.calls == 1


def test_invalidate_all_voids_everything(loader_of):
    loader = loader_of(titles)
    read(loader)

    invalidate_all()
    read(loader)
    read(loader)

    assert loader.calls == 2


def test_changed_row_leaves_other_rows_alone(loader_of):
    first, second = make_banner(), make_banner()
    loaders = [loader_of(titles), loader_of(titles)]

    for _ in range(2):
        for banner, loader in zip((first, second), loaders, strict=True):
            tag = f"articles.banner:{banner.pk}"
            read(loader, key=tag, tags=[tag])
        Banner.objects.filter(pk=first.pk).update(title="changed")

    assert [loader.calls for loader in loaders] == [2, 1]


def test_new_row_voids_what_was_cached_as_missing():
    def exists():
        return Banner.objects.filter(pk=77).exists()

    tags = ["articles.banner:77"]
    before = read(exists, tags=tags)
    Banner.objects.bulk_create([Banner(title="x"), Banner(title="y", pk=77)])

    assert (before, read(exists, tags=tags)) == (False, True)


def test_cached_decorator_names_arguments_in_the_key():
    calls = []

    @cached("times:{number}:{factor}", tags=BANNERS)
    def times(number, factor=2):
        calls.append(number)
        return number * factor

    assert [times(3), times(number=3), times(3, 2), times(3, 3)] == [6, 6, 6, 9]
    assert len(calls) == 2
    assert times.make_cache_key("a") == 'times:"a":2'
    assert times.uncached(1) == 2


def test_cached_decorator_refuses_a_key_that_leaves_out_an_argument():
    with pytest.raises(ImproperlyConfigured, match="leaves out the argument 'page'"):
        cached("list", tags=BANNERS)(lambda page: page)


def test_cached_decorator_takes_a_key_function():
    @cached("", tags=BANNERS, make_cache_key=lambda page: f"page {page}")
    def double(page):
        return 2 * page

    assert (double(2), double(3)) == (4, 6)


def test_unless_leaves_the_cache_alone():
    calls = []

    @cached("calls", tags=BANNERS, unless=lambda: len(calls) > 0)
    def count():
        calls.append(1)
        return len(calls)

    assert [count(), count(), count()] == [1, 2, 3]


def test_forced_update_of_a_decorated_function_rebuilds():
    calls = []

    @cached("calls", tags=BANNERS, forced_update=lambda: len(calls) == 1)
    def count():
        calls.append(1)
        return len(calls)

    assert [count(), count(), count()] == [1, 2, 2]


@memoize()
def add(first, second=1):
    return [first, second, len(add_calls.append(1) or add_calls)]


add_calls = []


def test_memoize_keeps_a_result_per_arguments():
    results = [add(1), add(first=1), add(1, 1), add(1, 2)]

    assert results[0] == results[1] == results[2] != results[3]


def test_delete_memoized_forgets_one_call_or_all():
    first, second = add(1), add(2)

    delete_memoized(add, 1)
    assert (add(1) == first, add(2) == second) == (False, True)

    delete_memoized(add)
    assert add(2) != second


def test_memoized_function_follows_its_tags():
    @memoize(tags=BANNERS)
    def count():
        return Banner.objects.count()

    before = count()
    make_banner()

    assert (before, count()) == (0, 1)


def test_memoize_refuses_arguments_that_are_no_json():
    with pytest.raises(NotCacheable, match=r"value\['first'\] is of type object"):
        add(object())


def test_coroutine_functions_are_refused():
    async def load():
        return 1

    with pytest.raises(ImproperlyConfigured, match="is a coroutine function"):
        cached("load", tags=BANNERS)(load)


@pytest.mark.parametrize("timeout", [0, -1, "300", timedelta(0)])
def test_refuses_wrong_timeouts(timeout):
    with pytest.raises(ImproperlyConfigured, match="expected a positive number"):
        read(titles, timeout=timeout)
