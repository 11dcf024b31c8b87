import pytest
from django.utils import translation

from accounts.models import AttemptCount, Membership, Order, Payment, Plan, User
from core.messaging.models import Message
from tests.accounts.pages import PASSWORD
from tests.factories import make_user


@pytest.fixture
def transactional_db(django_db_setup, django_db_blocker):
    """Let a test commit; afterwards empty the tables it may have written."""
    with django_db_blocker.unblock():
        yield
        for model in (Message, Payment, Order, Plan, Membership, AttemptCount, User):
            model.objects.all().delete()


@pytest.fixture(autouse=True)
def english():
    """Begin in English, and leave the next test none of this one's languages."""
    with translation.override("en"):
        yield


@pytest.fixture
def user():
    return make_user(username="lqz", password=PASSWORD, email="lqz@example.com")


@pytest.fixture
def signed_in(client, user):
    client.force_login(user)
    return client
