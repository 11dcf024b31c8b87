"""Settings for ``gunicorn -c config/gunicorn.conf.py``.

With ``-k gevent`` one process serves many slow requests; PyMySQL is pure Python
and yields while it waits. ``WEB_CONCURRENCY`` sets the number of processes,
``--access-logfile -`` adds a line per request.
"""

from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger as GunicornLogger


class Logger(GunicornLogger):  # type: ignore[misc]
    """Writes gunicorn's own lines in the format of the site's."""

    def setup(self, cfg: Any) -> None:
        # Only now: gunicorn reads this file before it enters the project's folder.
        from dotenv import dotenv_values

        from config import env
        from core.web.logging import FORMATTERS

        super().setup(cfg)
        # The workers read this file themselves, and anew after a reload.
        file = Path(__file__).parents[1] / env.text("ENV_FILE", ".env")
        chosen = dotenv_values(file).get("LOG_FORMAT") or "auto"
        formatter = FORMATTERS[env.log_format("LOG_FORMAT", default=chosen)]()
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(formatter)


wsgi_app = "config.wsgi:application"
bind = "127.0.0.1:8000"
worker_class = "gthread"
threads = 8
# Below the timeout of the usual load balancers, above the slowest page.
timeout = 30
graceful_timeout = 30
max_requests = 10_000
max_requests_jitter = 1_000
logger_class = Logger
# Without addresses, query string, referrer and user name: nothing personal.
access_log_format = "%(m)s %(U)s %(s)s %(M)s ms"
