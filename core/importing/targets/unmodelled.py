"""A model for a table that has none, made of what the database tells of it.

It lives in a registry of its own: nothing of the project sees it.
"""

import re
from collections.abc import Callable
from typing import Any

from django.apps.registry import Apps
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Model
from django.db.models.expressions import RawSQL

from core.importing.targets.columns import ColumnInfo, columns_of, unique_keys_of
from core.importing.targets.fields import AnyField, NoPrimaryKey

TYPE = re.compile(r"(?P<word>[a-z0-9_]*)[a-z ]*(?:\((?P<arguments>.*)\))?", re.DOTALL)
MEMBER = re.compile(r"'((?:[^']|'')*)'")
BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
YEARS = (1901, 2155)

Arguments = str
Maker = Callable[[ColumnInfo, Arguments], AnyField]


class NumberField(models.IntegerField):  # type: ignore[type-arg]
    """An integer column of any width; ``is_flag``: people take it for a yes or no."""

    def __init__(
        self, *args: Any, column_range: tuple[int, int], is_flag: bool = False
    ) -> None:
        super().__init__(*args)
        self.column_range = column_range
        self.is_flag = is_flag

    @property
    def validators(self) -> list[Any]:
        """None: Django's know the ranges of its own types of columns only."""
        return []


def model_of(
    connection: BaseDatabaseWrapper, table: str, *, with_relations: bool = True
) -> type[Model]:
    columns = columns_of(connection, table).values()
    written = [column for column in columns if not column.is_generated]
    names_of_columns = {column.name for column in written}
    keys = [
        key
        for key in unique_keys_of(connection, table)
        if names_of_columns.issuperset(key)
    ]
    primary = keys[0] if keys else ()
    relations = _relations(connection, table) if with_relations else {}
    attributes: dict[str, Any] = {}
    names: dict[str, str] = {}
    for column in written:
        name = _name(column.name, column.name in relations)
        names[column.name] = name
        is_key = primary == (column.name,)
        if column.name in relations:
            related = relations[column.name]
            field = _foreign_key(connection, table, column, related)
        else:
            field = _field(column, connection.vendor)
        _describe(
            field, column, is_primary_key=is_key, is_unique=(column.name,) in keys
        )
        attributes[name] = field
    if len(primary) != 1:
        attributes[f"no key of {table}"] = NoPrimaryKey(primary_key=True)
    together = [tuple(names[column] for column in key) for key in keys if len(key) > 1]
    return _model(table, attributes, together)


def _model(
    table: str, attributes: dict[str, Any], together: list[tuple[str, ...]]
) -> type[Model]:
    meta = {
        "app_label": "core_importing",
        "apps": Apps(),
        "db_table": table,
        "managed": False,
        "unique_together": together,
        "verbose_name": table,
    }
    contents = {
        "__module__": __name__,
        "__str__": lambda row: str(row.pk),
        "Meta": type("Meta", (), meta),
        **attributes,
    }
    return type(table, (Model,), contents)


def _name(column: str, is_relation: bool) -> str:
    """Name the field as its column, unless models use that name themselves."""
    name = column.removesuffix("_id") if is_relation else column
    return f"{name} " if hasattr(Model, name) or name in {"pk", "id_"} else name


def _describe(
    field: AnyField, column: ColumnInfo, *, is_primary_key: bool, is_unique: bool
) -> None:
    field.db_column = column.name
    field.verbose_name = column.name
    field.null = field.blank = column.is_nullable
    field.primary_key = is_primary_key
    field._unique = is_unique  # type: ignore[attr-defined]
    if column.default is not None:
        is_expression = column.is_default_expression
        # The database's own text: whatever the column's owner has declared.
        default: Any = RawSQL(column.default, ()) if is_expression else column.default  # noqa: S611
        field.db_default = default


def _relations(
    connection: BaseDatabaseWrapper, table: str
) -> dict[str, tuple[str, str]]:
    with connection.cursor() as cursor:
        found = connection.introspection.get_relations(cursor, table)
    return {column: (related[1], related[0]) for column, related in found.items()}


def _foreign_key(
    connection: BaseDatabaseWrapper,
    table: str,
    column: ColumnInfo,
    related: tuple[str, str],
) -> AnyField:
    other_table, other_column = related
    model = model_of(connection, other_table, with_relations=False)
    to_field = next(
        field.name
        for field in model._meta.concrete_fields
        if str(field.column).lower() == other_column.lower()
    )
    return models.ForeignKey(
        model, models.DO_NOTHING, to_field=to_field, related_name="+"
    )


def _field(column: ColumnInfo, vendor: str) -> AnyField:
    match = TYPE.match(column.type.lower())
    word = match["word"] if match else ""
    arguments = column.type[slice(*match.span("arguments"))] if match else ""
    if column.is_auto:
        return models.BigAutoField(primary_key=True)
    if word in {"integer", "mediumint", *BITS}:
        return _integer(column, word, arguments, vendor)
    if column.has_json:
        return models.JSONField()
    make = MAKERS.get(word)
    if make is None:
        is_text = vendor == "sqlite"
        return models.TextField() if is_text else _bytes()
    return make(column, arguments)


def _integer(
    column: ColumnInfo, word: str, arguments: Arguments, vendor: str
) -> AnyField:
    # SQLite's integers have 64 bits, whatever they are called.
    bits = BITS["bigint"] if vendor == "sqlite" else BITS.get(word, BITS["int"])
    if "unsigned" in column.type.lower():
        column_range = (0, 2**bits - 1 if vendor != "sqlite" else 2**63 - 1)
    else:
        column_range = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    is_flag = word == "tinyint" and arguments == "1"
    return NumberField(column_range=column_range, is_flag=is_flag)


def _char(column: ColumnInfo, arguments: Arguments) -> AnyField:
    length = int(arguments) if arguments.isdecimal() else None
    return models.CharField(max_length=length)


def _decimal(column: ColumnInfo, arguments: Arguments) -> AnyField:
    digits, _, places = arguments.partition(",")
    field: Field[Any, Any] = models.DecimalField(
        max_digits=int(digits) if digits else None,
        decimal_places=int(places or 0) if digits else None,
        validators=[MinValueValidator(0)] if "unsigned" in column.type.lower() else [],
    )
    return field


def _bits(column: ColumnInfo, arguments: Arguments) -> AnyField:
    bits = int(arguments or 1)
    return (
        models.BooleanField()
        if bits == 1
        else NumberField(column_range=(0, 2**bits - 1))
    )


def _enumeration(column: ColumnInfo, arguments: Arguments) -> AnyField:
    members = _members(arguments)
    return models.CharField(choices=[(member, member) for member in members])


def _set(column: ColumnInfo, arguments: Arguments) -> AnyField:
    member = "|".join(re.escape(member) for member in _members(arguments))
    message = f"expected members of {arguments}, separated by commas"
    subset = RegexValidator(rf"^({member})(,({member}))*\Z", message)
    return models.CharField(validators=[subset])


def _members(arguments: Arguments) -> list[str]:
    return [member.replace("''", "'") for member in MEMBER.findall(arguments)]


def _bytes() -> AnyField:
    return models.BinaryField(editable=False)


def _plain(field_class: type[AnyField]) -> Maker:
    return lambda column, arguments: field_class()


BYTES = ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob")
MAKERS: dict[str, Maker] = {
    **dict.fromkeys(BYTES, lambda column, arguments: _bytes()),
    "bit": _bits,
    "bool": _plain(models.BooleanField),
    "boolean": _plain(models.BooleanField),
    "char": _char,
    "character": _char,
    "date": _plain(models.DateField),
    "datetime": _plain(models.DateTimeField),
    "decimal": _decimal,
    "double": _plain(models.FloatField),
    "enum": _enumeration,
    "float": _plain(models.FloatField),
    "inet4": _plain(models.GenericIPAddressField),
    "inet6": _plain(models.GenericIPAddressField),
    "json": _plain(models.JSONField),
    "longtext": _plain(models.TextField),
    "mediumtext": _plain(models.TextField),
    "nchar": _char,
    "numeric": _decimal,
    "nvarchar": _char,
    "real": _plain(models.FloatField),
    "set": _set,
    "text": _plain(models.TextField),
    "time": _plain(models.TimeField),
    "timestamp": _plain(models.DateTimeField),
    "tinytext": _plain(models.TextField),
    "uuid": _plain(models.UUIDField),
    "varchar": _char,
    "year": lambda column, arguments: NumberField(column_range=YEARS),
}
