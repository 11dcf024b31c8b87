"""Settings: the site with sessions and nothing else around its views, as in Flask."""

from tests.benchmarks.web_inkstone import *  # noqa: F403

MIDDLEWARE = ["core.sessions.middleware.SessionMiddleware"]
