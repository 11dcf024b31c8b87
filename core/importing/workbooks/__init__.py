"""Writes workbooks: rejected rows to be corrected, templates to be filled, exports.

Texts are written as texts, whatever they look like: none becomes a formula, none loses
its leading zeros. All can be imported again as they are.
"""

from core.importing.workbooks.exports import write_export
from core.importing.workbooks.rejects import RejectedRow, Summary, write_rejects
from core.importing.workbooks.templates import TemplateColumn, write_template

__all__ = [
    "RejectedRow",
    "Summary",
    "TemplateColumn",
    "write_export",
    "write_rejects",
    "write_template",
]
