"""Signals of the machinery in ``core``: definitions only, receivers live in the apps."""

from django.dispatch import Signal

table_imported = Signal()
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

connection_opened = Signal()
"""Sent when a pool has opened a physical connection to the server.

Arguments: ``pool`` (its name), ``connection_id`` (the server's number for it),
``elapsed_ms``. Not sent when a connection is lent again; Django's own
``connection_created`` is sent then. Exceptions of receivers are ignored.
"""

connection_closed = Signal()
"""Sent when a pool has closed a physical connection, or given it up.

Arguments: ``pool`` (its name), ``connection_id``, ``reason``: "lost",
"interrupted", "unread result", "read-only", "max_lifetime", "max_idle",
"maxcached", "maxusage", "closed", "abandoned" or "thread ended". Not sent for
connections that a fork leaves to the parent process.
"""

cache_hit = Signal()
"""Sent when a cached value is served. Arguments: ``key``."""

cache_miss = Signal()
"""Sent when a value was read from its source instead of the cache.

Arguments: ``key`` and ``reason``, one word or sentence: "miss", "in transaction", …
"""

cache_stored = Signal()
"""Sent when a rebuilt value was put into the cache. Arguments: ``key``."""

cache_invalidated = Signal()
"""Sent after the commit of a transaction that voided cached values.

Arguments: ``stamps``, the set of names that got new stamps: tags, ``<model>:*`` for
any row of a model, ``*`` for everything. Not sent after a rollback.
"""
