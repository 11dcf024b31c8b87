"""A lean line to Redis for one round trip per cached page.

redis-py's client and pool cost four times what the round trip itself does, most of
it bookkeeping that this use has no need of. Its connections (address, TLS, timeouts,
hiredis parser) are used directly. Nothing is retried but a read whose idle
connection turns out to be closed.
"""

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

import hiredis
from redis import ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

MOST_IDLE = 64

# redis-py annotates little of its connections.
Connection = Any


class Link:
    """Connections to one server, each introduced by ``on_connect`` when it is new."""

    def __init__(
        self,
        url: str,
        *,
        connect_timeout: float,
        socket_timeout: float,
        on_connect: Callable[[Connection], None],
    ) -> None:
        self._factory = ConnectionPool.from_url(
            url,
            socket_connect_timeout=connect_timeout,
            socket_timeout=socket_timeout,
            protocol=2,
            driver_info=None,
            retry=None,
        )
        self._on_connect = on_connect
        self._idle: deque[Connection] = deque()
        self.connects = 0
        """How often a connection was opened: what was known before may be wrong."""
        _links.add(self)

    def read(self, *command: str) -> Any:
        """Run a command without effects, at the price of the round trip."""
        packed = [_pack(command)]
        try:
            connection = self._idle.pop()
        except IndexError:
            return self._exchange(self._open(), packed)
        try:
            return self._exchange(connection, packed)
        except RedisConnectionError:
            # Closed while idle, and so are probably the others.
            self.close_idle()
            return self._exchange(self._open(), packed)

    def run(self, *command: str | bytes | int) -> Any:
        """Run a command that may have effects: at most once, on a live connection."""
        return self._exchange(self._live(), [_pack(command)])

    def close_idle(self) -> None:
        while self._idle:
            try:
                self._idle.pop().disconnect()
            except IndexError:
                return

    def forget_idle(self) -> None:
        """Leave the connections of the parent process to it."""
        self._idle = deque()

    def _exchange(self, connection: Connection, packed: list[bytes]) -> Any:
        try:
            connection.send_packed_command(packed, check_health=False)
            reply = connection.read_response()
        except BaseException:
            # The reply may still arrive: nobody must take it for his own.
            connection.disconnect()
            raise
        if len(self._idle) < MOST_IDLE:
            self._idle.append(connection)
        else:
            connection.disconnect()
        return reply

    def _live(self) -> Connection:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:
                break
            if _is_silent(connection):
                return connection
            connection.disconnect()
        return self._open()

    def _open(self) -> Connection:
        connection: Connection = self._factory.make_connection()
        try:
            connection.connect()
            self.connects += 1
            self._on_connect(connection)
        except BaseException:
            connection.disconnect()
            raise
        return connection


def _pack(command: tuple[str | bytes | int, ...]) -> bytes:
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]
    return packed


def _is_silent(connection: Connection) -> bool:
    """Tell an idle connection from one that is closed or has an unread reply."""
    try:
        return not connection.can_read(timeout=0)
    except (RedisError, OSError):
        return False


class Breaker:
    """Leaves a failing server alone: after each failure one caller a time tries."""

    def __init__(self, seconds: float, on_change: Callable[[Exception | None], None]):
        self._seconds = seconds
        self._on_change = on_change
        self._lock = threading.Lock()
        self._retry_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Refuse, or let this caller be the one who tries."""
        if self._retry_at is None:
            return False
        with self._lock:
            if self._retry_at is None:
                return False
            if time.monotonic() < self._retry_at:
                return True
            self._retry_at = time.monotonic() + self._seconds
            return False

    def succeeded(self) -> None:
        if self._retry_at is not None and self._set(None) is not None:
            self._on_change(None)

    def failed(self, error: Exception) -> None:
        if self._set(time.monotonic() + self._seconds) is None:
            self._on_change(error)

    def _set(self, retry_at: float | None) -> float | None:
        with self._lock:
            before, self._retry_at = self._retry_at, retry_at
        return before


_links: weakref.WeakSet[Link] = weakref.WeakSet()


def _forget_all() -> None:
    for link in _links:
        link.forget_idle()


os.register_at_fork(after_in_child=_forget_all)
