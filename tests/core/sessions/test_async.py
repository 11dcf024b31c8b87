"""The asynchronous side of Django's session API."""

import pytest
from asgiref.sync import async_to_sync

from core.sessions import SessionStore
from core.sessions.models import Session

pytestmark = pytest.mark.django_db


async def saved(**values):
    session = SessionStore()
    await session.aupdate(values)
    await session.asave()
    return session


def in_loop(test):
    """Run a test in an event loop, its database work in this thread."""

    def run():
        async_to_sync(test)()

    run.__name__ = test.__name__
    return run


@in_loop
async def test_what_is_saved_is_there_in_the_next_request():
    session = await saved(a=1)

    again = SessionStore(session.session_key)

    assert await again.aget("a") == 1
    assert await again.ahas_key("a")
    assert list(await again.akeys()) == ["a"]
    assert list(await again.avalues()) == [1]
    assert list(await again.aitems()) == [("a", 1)]
    assert await again.aexists(session.session_key)


@in_loop
async def test_values_are_set_and_taken_out():
    session = await saved(a=1)
    changed = SessionStore(session.session_key)

    await changed.aset("b", 2)
    assert await changed.asetdefault("b", 3) == 2
    assert await changed.apop("a") == 1
    await changed.asave()

    again = SessionStore(session.session_key)
    assert dict(await again.aitems()) == {"b": 2}


@in_loop
async def test_ids_change_and_sessions_end():
    session = await saved(a=1)
    first = session.session_key

    await session.acycle_key()
    second = session.session_key
    assert second != first
    assert await SessionStore(second).aget("a") == 1
    assert await SessionStore(first).aget("a") is None

    await session.aflush()
    assert session.session_key is None
    assert not await Session.objects.aexists()


@in_loop
async def test_sessions_are_made_and_deleted():
    session = SessionStore()

    await session.acreate()
    assert await session.aexists(session.session_key)
    await session.adelete()

    assert not await session.aexists(session.session_key)


@in_loop
async def test_expiry_is_set_and_told():
    session = await saved(a=1)

    assert not await session.aget_expire_at_browser_close()
    await session.aset_expiry(60)
    assert await session.aget_expiry_age() == 60
    await session.aset_expiry(0)
    assert await session.aget_expire_at_browser_close()


@in_loop
async def test_expired_sessions_are_cleared():
    session = await saved(a=1)
    await session.aset_expiry(-1)
    await session.asave()

    await SessionStore.aclear_expired()

    assert not await Session.objects.aexists()
