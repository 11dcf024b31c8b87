"""Import of workbooks and delimited text into tables, with a model or without.

Settings: ``IMPORTING_ALLOWED_TABLES`` (default ``[]``) names tables of the framework
(``django_*``, ``auth_*``, ``core_*``) that imports may fill in spite of that;
``IMPORTING_FOLDER`` is the folder, out of the reach of any URL, for uploads that wait.
A model may restrict and complete its imports in a class ``Importing``: see
``core.importing.options``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.importing.errors import ImportFailed, Problem, Reason
    from core.importing.progress import Progress
    from core.importing.report import Report
    from core.importing.request import ImportRequest, Mode
    from core.importing.services import (
        import_workbook,
        preview_import,
        queue_import,
        run_import,
    )

_HOMES = {
    "ImportFailed": "errors",
    "Problem": "errors",
    "Reason": "errors",
    "Progress": "progress",
    "Report": "report",
    "ImportRequest": "request",
    "Mode": "request",
    "import_workbook": "services",
    "preview_import": "services",
    "queue_import": "services",
    "run_import": "services",
}
__all__ = [
    "ImportFailed",
    "ImportRequest",
    "Mode",
    "Problem",
    "Progress",
    "Reason",
    "Report",
    "import_workbook",
    "preview_import",
    "queue_import",
    "run_import",
]


def __getattr__(name: str) -> Any:
    """Load the importer only in processes that import."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
