"""Signals of the machinery in ``core``: definitions only, receivers live in the apps."""

from django.dispatch import Signal

table_imported = Signal()
"""Sent after the commit of an import that added rows to a table.

Arguments: ``sender`` (the model), ``table`` (name of its database table),
``using`` (alias of the database), ``rows`` (how many were added). The rows of the
model's many-to-many tables belong to the same commit and are not announced
separately.

It is the only notification of an import: ``pre_save``, ``post_save`` and
``m2m_changed`` are not sent. Neither is this one after a dry run, after an import
that found problems, or if the transaction is rolled back. A receiver that fails
is logged and disturbs neither the import nor the other receivers.
"""
