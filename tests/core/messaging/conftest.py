from pathlib import Path

import pytest

from accounts.models import User
from core.messaging.models import Message
from tests.core.messaging.outlets import Provider

TEMPLATES = Path(__file__).parent / "templates"


@pytest.fixture(autouse=True)
def message_templates(settings):
    """Add the messages ``welcome`` and ``plain`` to those of the site."""
    engine = settings.TEMPLATES[0]
    settings.TEMPLATES = [engine | {"DIRS": [TEMPLATES, *engine["DIRS"]]}]


@pytest.fixture
def transactional_db(django_db_setup, django_db_blocker):
    """Let a test commit; afterwards empty the tables it may have written."""
    with django_db_blocker.unblock():
        yield
        Message.objects.all().delete()
        User.objects.all().delete()


@pytest.fixture
def provider(settings, tmp_path):
    """A provider of SMS that all processes of the test reach."""
    settings.SMS_BACKEND = "tests.core.messaging.outlets.SMSBackend"
    settings.TEST_PROVIDER = tmp_path
    return Provider(tmp_path)
