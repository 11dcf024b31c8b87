"""Signals of the machinery in ``core``: definitions only, receivers live in the apps.

All are sent with ``send_robust``: a receiver that fails is logged with its name and
disturbs neither the sender nor the other receivers. Without receivers, sending costs
well under a microsecond.

The first ten have Flask's names, arguments and order, by WSGI and by ASGI, in
production too. Flask sends its ``app``; there is one site per process here, so that
``sender`` is None. A request is announced in this order, the body of the response is
sent afterwards:

``appcontext_pushed``, ``request_started``, what the view does, ``got_request_exception``
if it fails, ``request_finished``, ``request_tearing_down``, ``appcontext_tearing_down``,
``appcontext_popped``.
"""

from core.dispatch import Signal

request_started = Signal(["request"])
"""Sent when a request comes in, before any other middleware and before its session.

Arguments: ``request``. Also sent for a request that the cache answers. It is not
``django.core.signals.request_started``, which knows no request.
"""

request_finished = Signal(["request", "response"])
"""Sent when the response is complete, before its body is sent.

Arguments: ``request``, ``response``, whose headers may be changed. Also sent for error
pages, that of an unhandled exception included; not sent if the client of an ASGI
server leaves before there is a response.
"""

got_request_exception = Signal(["request", "exception"])
"""Sent when nobody has handled an exception, before the page for it is made.

Arguments: ``request``, ``exception``. Not sent for what has a page of its own: 404,
403, 400, and 503 while the database cannot be reached.
"""

request_tearing_down = Signal(["request", "exc"])
"""Sent last for every request; the session is saved, transactions are at their end.

Arguments: ``request``, ``exc``: the unhandled exception, else None.
"""

before_render_template = Signal(["template", "context"])
"""Sent before a template is rendered, once per page: not for what it includes.

Arguments: ``template`` (its ``name`` is None if made from a string), ``context``, which
has the values of the context processors and may be changed. Not sent for the widgets
of forms.
"""

template_rendered = Signal(["template", "context"])
"""Sent when a template has been rendered, and not if that failed.

Arguments as for ``before_render_template``. It is not ``django.test``'s signal of this
name, which is sent by test runners only, and for every part.
"""

message_flashed = Signal(["message", "category"])
"""Sent when a message for the next page was accepted by ``django.contrib.messages``.

Arguments: ``message`` (text, perhaps lazy), ``category``: debug, info, success, warning
or error. Not sent for an empty message, nor for one below ``MESSAGE_LEVEL``.
"""

appcontext_pushed = Signal()
"""Sent when a request, a command or a script enters its context: ``g`` is there."""

appcontext_tearing_down = Signal(["exc"])
"""Sent before a context is left. Arguments: ``exc``, the unhandled exception or None."""

appcontext_popped = Signal()
"""Sent when a context has been left: ``g`` is gone, or again that of the outer one."""

session_set = Signal(["session", "key", "value"])
"""Sent when a value is set in a session: ``session[key] = value`` and its like.

Arguments: ``sender`` (the session's class), ``session``, ``key``, ``value``. Sent once
per key by ``update()``, by ``setdefault()`` only if it sets, by the asynchronous
methods as well; not for deletions, nor for what changes inside of a value. The
session is not saved yet, and may never be. A value may be personal: do not log it.
"""

table_imported = Signal(["table", "using", "rows"])
"""Sent after the commit of an import that added, changed or replaced rows.

Arguments: ``sender`` (the model, or None for a table that has none), ``table`` (name
of its database table), ``using`` (alias of the database), ``rows`` (how many were
added or changed). The rows of the model's many-to-many tables belong to the same
commit and are not announced separately.

It is the only notification of an import: ``pre_save``, ``post_save`` and
``m2m_changed`` are not sent. Neither is this one after a dry run, after an import
that found problems or nothing to write, or if the transaction is rolled back. A
receiver that fails is logged and disturbs neither the import nor the other receivers.
"""

connection_opened = Signal(["pool", "connection_id", "elapsed_ms"])
"""Sent when a pool has opened a physical connection to the server.

Arguments: ``pool`` (its name), ``connection_id`` (the server's number for it),
``elapsed_ms``. Not sent when a connection is lent again; Django's own
``connection_created`` is sent then.
"""

connection_closed = Signal(["pool", "connection_id", "reason"])
"""Sent when a pool has closed a physical connection, or given it up.

Arguments: ``pool`` (its name), ``connection_id``, ``reason``: "lost",
"interrupted", "unread result", "read-only", "max_lifetime", "max_idle",
"maxcached", "maxusage", "closed", "abandoned" or "thread ended". Not sent for
connections that a fork leaves to the parent process.
"""

cache_hit = Signal(["key"])
"""Sent when a cached value is served. Arguments: ``key``."""

cache_miss = Signal(["key", "reason"])
"""Sent when a value was read from its source instead of the cache.

Arguments: ``key`` and ``reason``, one word or sentence: "miss", "in transaction", …
"""

cache_stored = Signal(["key"])
"""Sent when a rebuilt value was put into the cache. Arguments: ``key``."""

cache_invalidated = Signal(["stamps"])
"""Sent after the commit of a transaction that voided cached values.

Arguments: ``stamps``, the set of names that got new stamps: tags, ``<model>:*`` for
any row of a model, ``*`` for everything. Not sent after a rollback.
"""
