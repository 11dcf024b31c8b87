"""Import of .xlsx workbooks into the tables of models.

Settings: ``IMPORTING_ALLOWED_TABLES`` (default ``[]``) names tables of the framework
(``django_*``, ``auth_permission``) that imports may fill in spite of that. A model
may restrict and complete its imports in a class ``Importing``: see
``core.importing.options``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.importing.errors import ImportFailed, Problem, Reason
    from core.importing.services import Progress, Report, import_workbook

__all__ = [
    "ImportFailed",
    "Problem",
    "Progress",
    "Reason",
    "Report",
    "import_workbook",
]


def __getattr__(name: str) -> Any:
    """Load the importer, and openpyxl with it, only in processes that import."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "errors" if name in {"ImportFailed", "Problem", "Reason"} else "services"
    return getattr(import_module(f"{__name__}.{home}"), name)
