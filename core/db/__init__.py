"""Database backends ``core.db.mysql`` (pooled) and ``core.db.sqlite``, commit hooks."""
