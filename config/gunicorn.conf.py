"""Settings for ``gunicorn -c config/gunicorn.conf.py``.

With ``-k gevent`` one process serves many slow requests; PyMySQL is pure Python
and yields while it waits. ``WEB_CONCURRENCY`` sets the number of processes.
"""

wsgi_app = "config.wsgi:application"
bind = "127.0.0.1:8000"
worker_class = "gthread"
threads = 8
# Below the timeout of the usual load balancers, above the slowest page.
timeout = 30
graceful_timeout = 30
max_requests = 10_000
max_requests_jitter = 1_000
