"""A site that asks the database while it is loaded, by gunicorn's master."""

import os
from pathlib import Path

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from django.db import connection  # noqa: E402

with connection.cursor() as cursor:
    cursor.execute("SELECT CONNECTION_ID()")
    Path(os.environ["SESSION_FILE"]).write_text(str(cursor.fetchone()[0]))
