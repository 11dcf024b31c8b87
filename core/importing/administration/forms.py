from pathlib import PurePath
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.admin.widgets import AdminFileWidget
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.importing.administration.changelists import ImportExportAdmin
from core.importing.administration.sheets import SheetColumn, SheetStart
from core.importing.errors import shown
from core.importing.reading import SheetInfo
from core.importing.reading.detection import TEXT_SUFFIXES, WORKBOOK_SUFFIXES
from core.importing.request import Mode
from core.importing.targets.fields import AnyField
from core.importing.targets.target import Target


class UploadForm(forms.Form):
    table = forms.ChoiceField(label=gettext_lazy("Table"))
    file = forms.FileField(
        label=gettext_lazy("File"),
        widget=AdminFileWidget(attrs={"accept": ".xlsx,.xlsm,.csv,.tsv"}),
        error_messages={
            "required": gettext_lazy("Choose a file."),
            "empty": gettext_lazy(
                "The file is empty; expected an .xlsx workbook or a .csv file."
            ),
        },
    )

    def __init__(self, admins: list[ImportExportAdmin], *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        table: Any = self.fields["table"]
        table.choices = [
            (admin.opts.label, capfirst(admin.opts.verbose_name_plural))
            for admin in admins
        ]

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        name, limit = str(file.name), settings.IMPORTING_UPLOAD_BYTES
        parts = {"file": shown(name), "limit": filesizeformat(limit)}
        if PurePath(name).suffix.lower() not in WORKBOOK_SUFFIXES | TEXT_SUFFIXES:
            raise forms.ValidationError(
                _("%(file)s: expected a file whose name ends in .xlsx or .csv.") % parts
            )
        if (file.size or 0) > limit:
            parts["size"] = filesizeformat(file.size or 0)
            raise forms.ValidationError(
                _(
                    "%(file)s has %(size)s; expected at most %(limit)s. Larger files are "
                    "imported by the command init_db."
                )
                % parts
            )
        return file


class OptionsForm(forms.Form):
    sheet = forms.ChoiceField(label=gettext_lazy("Sheet"))
    mode = forms.ChoiceField(label=gettext_lazy("What to do"), widget=forms.RadioSelect)
    key = forms.ChoiceField(
        label=gettext_lazy("Rows are told apart by"),
        required=False,
        help_text=gettext_lazy(
            "The unique column by which a row of the sheet finds its row in the table. "
            "It does not matter if every row is added."
        ),
    )
    header_row = forms.IntegerField(
        label=gettext_lazy("Row with the headers"),
        required=False,
        min_value=1,
        help_text=gettext_lazy("Blank: the first row with content."),
    )
    skip_hidden = forms.BooleanField(
        label=gettext_lazy("Leave out hidden rows"), required=False
    )
    skip_faulty = forms.BooleanField(
        label=gettext_lazy("Leave out faulty rows and import the others"),
        required=False,
        help_text=gettext_lazy(
            "Otherwise nothing is imported until every row is right. The rows left out "
            "can be downloaded, with what is wrong with them."
        ),
    )

    def __init__(
        self,
        sheets: tuple[SheetInfo, ...],
        modes: list[Mode],
        target: Target,
        *args: Any,
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["sheet"].choices = [(sheet.name, sheet.name) for sheet in sheets]
        fields["mode"].choices = [(mode.value, capfirst(mode.label)) for mode in modes]
        keys = [rule for rule in target.unique_rules if rule.condition is None]
        fields["key"].choices = [
            ("", _("what fits the columns of the sheet")),
            *((",".join(k.names), ", ".join(map(_label, k.fields))) for k in keys),
        ]


class ColumnsForm(forms.Form):
    """Which field each column fills, and values for fields without a column."""

    def __init__(self, start: SheetStart, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._start = start
        choices = [(field.name, _label(field)) for field in start.target.open_fields]
        for column in start.columns:
            self.fields[_name(column)] = forms.ChoiceField(
                label=column.header,
                required=False,
                choices=[("", _("— leave out —")), *choices],
                initial=column.field,
            )
        for field in start.missing:
            self.fields[f"value_{field.name}"] = forms.CharField(
                label=_label(field),
                required=False,
                strip=False,
                initial=start.request.constants.get(field.name),
            )

    @property
    def rows(self) -> list[tuple[SheetColumn, forms.BoundField]]:
        return [(column, self[_name(column)]) for column in self._start.columns]

    @property
    def values(self) -> list[forms.BoundField]:
        return [self[f"value_{field.name}"] for field in self._start.missing]

    def clean(self) -> dict[str, Any]:
        columns: dict[str, list[str]] = {}
        for column in self._start.columns:
            if name := self.cleaned_data.get(_name(column)):
                columns.setdefault(name, []).append(column.header)
        for field in self._start.missing:
            if field.name in columns and self.cleaned_data[f"value_{field.name}"]:
                columns[field.name].append(_("a value for all rows"))
        for name, headers in columns.items():
            if len(headers) > 1:
                self.add_error(
                    None,
                    _('"%(field)s" would be filled twice: %(headers)s.')
                    % {"field": name, "headers": shown(", ".join(headers))},
                )
        return self.cleaned_data

    def mapping(self) -> dict[str, str]:
        """Say only what the headers do not: as "category_id" names rows by key."""
        chosen = {
            column: self.cleaned_data[_name(column)] for column in self._start.columns
        }
        return {
            column.header: field
            for column, field in chosen.items()
            if field != column.own_field or not field
        }

    def constants(self) -> dict[str, str]:
        values = {
            field.name: self.cleaned_data[f"value_{field.name}"]
            for field in self._start.missing
        }
        return {name: value for name, value in values.items() if value}


def _name(column: SheetColumn) -> str:
    return f"column_{column.letter}"


def _label(field: AnyField) -> str:
    return capfirst(str(field.verbose_name))
