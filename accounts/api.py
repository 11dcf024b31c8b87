"""What the payment provider calls; see docs/accounts.md."""

import logging
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.models import Order
from accounts.orders import PaymentRefused, receive_payment
from accounts.payments import CallbackRefused, read_notice
from core.web.responses import json_error, json_success

logger = logging.getLogger(__name__)


@csrf_exempt  # The signature proves the sender; there is no session to ride on.
@require_POST
def payment_callback(request: HttpRequest) -> HttpResponse:
    """Note a payment; called again for it, give the same answer."""
    try:
        notice = read_notice(request)
    except CallbackRefused as refusal:
        return _refuse(refusal.status, refusal.message)
    orders = Order.objects.select_related("user", "plan")
    order = orders.filter(number=notice["order"]).first()
    if order is None:
        return _refuse(HTTPStatus.NOT_FOUND, _("There is no such order."))
    try:
        payment = receive_payment(
            order, reference=notice["payment"], amount_fen=notice["amount_fen"]
        )
    except PaymentRefused as refusal:
        return _refuse(HTTPStatus.CONFLICT, str(refusal))
    # Nothing that may change later: a refund must not change the answer.
    return json_success(
        {
            "order": str(order.number),
            "payment": payment.reference,
            "applied": payment.is_applied,
        }
    )


def _refuse(status: HTTPStatus, message: str) -> HttpResponse:
    logger.warning("payment callback: %s, %s", status.value, message)
    return json_error(status, message)
