import multiprocessing
from datetime import timedelta
from functools import partial

import pytest
from django.test import RequestFactory
from django.utils import timezone

from accounts import throttle
from accounts.models import AttemptCount
from accounts.throttle import LoginAttempt, account_name, client_address
from tests.core.caching.processes import run

pytestmark = pytest.mark.django_db

fork = multiprocessing.get_context("fork")


def fail(times, account="lqz", address="192.0.2.1"):
    """Give how many of so many failing attempts were allowed."""
    return sum(LoginAttempt(account, address).begin() for _ in range(times))


def test_refuses_after_five_failures_and_says_how_long():
    assert fail(7) == 5

    wait = LoginAttempt("lqz", "192.0.2.1").wait()
    assert timedelta(minutes=14) < wait <= throttle.WINDOW


def test_allows_others_meanwhile():
    fail(5)

    assert fail(1, account="ada") == 1
    assert fail(1, address="192.0.2.2") == 1
    assert not LoginAttempt("lqz", "192.0.2.2").wait()


def test_many_addresses_do_not_help_against_one_account():
    allowed = sum(fail(5, address=f"192.0.2.{n}") for n in range(10))

    assert allowed == throttle.FAILURES_PER_ACCOUNT


def test_many_accounts_do_not_help_one_address():
    allowed = sum(fail(5, account=f"user{n}") for n in range(20))

    assert allowed == throttle.FAILURES_PER_ADDRESS


def test_refused_attempt_counts_nowhere():
    fail(5)
    before = list(AttemptCount.objects.values_list("key", "count"))

    fail(10)

    assert list(AttemptCount.objects.values_list("key", "count")) == before


def test_success_forgets_the_failures_of_the_account_only():
    fail(4)
    attempt = LoginAttempt("lqz", "192.0.2.1")

    assert attempt.begin()
    attempt.succeed()

    assert [count.count for count in AttemptCount.objects.all()] == [4]
    assert fail(7) == 5


def let_windows_lapse(by=timedelta()):
    AttemptCount.objects.update(until=timezone.now() - by)


def test_failures_are_forgotten_after_their_time():
    fail(5)
    let_windows_lapse()

    assert not LoginAttempt("lqz", "192.0.2.1").wait()
    assert fail(7) == 5


def test_counts_that_lapsed_long_ago_are_deleted():
    for number in range(10):
        fail(1, account=f"user{number}")
    let_windows_lapse(2 * throttle.WINDOW)

    for number in range(10):
        fail(1, account=f"other{number}")

    lapsed = AttemptCount.objects.filter(until__lt=timezone.now())
    assert not lapsed.exists()


def test_table_names_neither_account_nor_address():
    fail(1)

    keys = "".join(AttemptCount.objects.values_list("key", flat=True))
    assert "lqz" not in keys
    assert "192.0.2.1" not in keys


def test_name_and_address_are_kept_apart():
    fail(5, account="a', 'b", address="c")

    assert fail(1, account="a", address="b', 'c") == 1


def attempts_at_once(begin, processes=4, each=5):
    """Give how many of these attempts were allowed, started at the same moment."""
    start, allowed = fork.Barrier(processes), fork.Value("i")

    def attempt():
        start.wait(20)
        for _ in range(each):
            if begin():
                with allowed.get_lock():
                    allowed.value += 1

    assert run(*[attempt] * processes) == [0] * processes
    return allowed.value


@pytest.mark.django_db(transaction=True)
def test_processes_count_together():
    for number in range(5):
        attempt = LoginAttempt(f"user{number}", "192.0.2.1")

        assert attempts_at_once(attempt.begin) == 5


def look_and_count(key):
    row, _ = AttemptCount.objects.get_or_create(
        key=key, defaults={"count": 0, "until": timezone.now()}
    )
    if row.count >= 5:
        return False
    row.count += 1
    row.save()
    return True


@pytest.mark.django_db(transaction=True)
def test_control_counting_after_a_look_allows_too_many():
    allowed = (
        attempts_at_once(partial(look_and_count, f"naive {number}"))
        for number in range(20)
    )

    assert any(count > 5 for count in allowed)


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff", "2001:db8::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_address_is_that_of_the_connection(remote, expected):
    request = RequestFactory().get(
        "/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR="198.51.100.7"
    )

    assert client_address(request) == expected


def test_behind_a_proxy_it_is_what_the_proxy_has_seen(settings):
    settings.BEHIND_PROXY = True
    request = RequestFactory().get(
        "/", REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="forged, 198.51.100.7"
    )

    assert client_address(request) == "198.51.100.7"


def test_behind_a_proxy_that_says_nothing_it_is_the_proxy(settings):
    settings.BEHIND_PROXY = True

    assert client_address(RequestFactory().get("/")) == "127.0.0.1"


@pytest.mark.parametrize("name", ["LQZ", "ｌｑｚ"])
def test_spellings_of_a_name_are_one_account(name):
    assert account_name(name) == "lqz"
