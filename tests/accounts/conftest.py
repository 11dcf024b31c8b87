import pytest

from accounts.models import AttemptCount, Membership, Order, Payment, Plan, User
from core.messaging.models import Message


@pytest.fixture
def transactional_db(django_db_setup, django_db_blocker):
    """Let a test commit; afterwards empty the tables it may have written."""
    with django_db_blocker.unblock():
        yield
        for model in (Message, Payment, Order, Plan, Membership, AttemptCount, User):
            model.objects.all().delete()
