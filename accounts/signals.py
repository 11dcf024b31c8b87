"""What happens to orders. Receivers run in the transaction that makes it so.

A receiver may enqueue messages, which are then sent if and only if the change is
committed; an exception in it undoes the change. Sent once per order and change, by
whatever way it came: page, payment, command or administration.
"""

from django.dispatch import Signal

order_placed = Signal()
"""Sent when an order is placed. Arguments: ``sender`` (Order), ``order``."""

order_paid = Signal()
"""Sent when an order is paid, the membership already extended. Arguments: ``order``.

Not sent for a payment that comes too late, see ``Payment.Outcome.REFUND_DUE``.
"""

order_cancelled = Signal()
"""Sent when an order is cancelled. Arguments: ``order``."""

order_expired = Signal()
"""Sent by ``expire_orders`` for each order it closes. Arguments: ``order``."""
