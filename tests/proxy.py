"""A TCP proxy between client and server that records, stalls and cuts."""

import socket
import threading
import time
from contextlib import suppress
from typing import Self


class Proxy:
    """Forward connections to a port of this machine.

    ``requests``: what clients have sent, in order; a command of MySQL's protocol is
    one entry. ``cut_after``: once the server has answered a request that contains
    this, the connection is cut instead of forwarding the answer. ``delay``: seconds
    that each answer takes longer.
    """

    def __init__(self, port: int) -> None:
        self.target = port
        self.requests: list[bytes] = []
        self.cut_after = b""
        self.delay = 0.0
        self._flow = threading.Event()
        self._flow.set()
        self._is_closing = False
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    def stall(self) -> None:
        """Forward nothing more, like a network that drops every packet."""
        self._flow.clear()

    def resume(self) -> None:
        """Forward again, beginning with what has been held back."""
        self._flow.set()

    def close(self) -> None:
        self._is_closing = True
        self._flow.set()
        for end in (self._listener, *self._sockets):
            _shut(end)
        for thread in self._threads:
            thread.join()
        for end in (self._listener, *self._sockets):
            end.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._is_closing:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                continue
            self._sockets += [client, server]
            self._start(_Session(self, client, server).serve_client)

    def _start(self, function, *arguments) -> None:
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()


class _Session:
    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket):
        self.proxy, self.client, self.server = proxy, client, server
        self.is_to_cut = False

    def serve_client(self) -> None:
        self.proxy._start(self._forward_replies)
        while data := _receive(self.client):
            self.proxy.requests.append(data)
            self.proxy._flow.wait()
            marker = self.proxy.cut_after
            self.is_to_cut = bool(marker) and marker in data
            _send(self.server, data)
        _shut(self.server)

    def _forward_replies(self) -> None:
        while data := _receive(self.server):
            self.proxy._flow.wait()
            time.sleep(self.proxy.delay)
            if self.is_to_cut:
                break
            _send(self.client, data)
        _shut(self.server)
        _shut(self.client)


def _receive(source: socket.socket) -> bytes:
    try:
        return source.recv(65536)
    except OSError:
        return b""


def _send(target: socket.socket, data: bytes) -> None:
    try:
        target.sendall(data)
    except OSError:
        _shut(target)


def _shut(end: socket.socket) -> None:
    # The peer may have been faster.
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
