"""Import of .xlsx workbooks into the tables of models."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.importing.errors import ImportFailed, Problem, Reason

__all__ = ["ImportFailed", "Problem", "Reason"]


def __getattr__(name: str) -> Any:
    """Load the importer, and openpyxl with it, only in processes that import."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.errors"), name)
