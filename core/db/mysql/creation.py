from typing import Any

from django.db.backends.mysql import creation


class DatabaseCreation(creation.DatabaseCreation):
    """Closes the pool before a test database is copied or dropped."""

    def _clone_test_db(self, *args: Any, **kwargs: Any) -> None:
        self.connection.close_pool()  # type: ignore[attr-defined]
        super()._clone_test_db(*args, **kwargs)  # type: ignore[misc]

    def _destroy_test_db(self, *args: Any, **kwargs: Any) -> None:
        self.connection.close_pool()  # type: ignore[attr-defined]
        super()._destroy_test_db(*args, **kwargs)  # type: ignore[misc]
