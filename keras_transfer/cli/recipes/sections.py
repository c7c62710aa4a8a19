"""Dataclasses out of the tables of a TOML file, every value checked."""

import dataclasses
import datetime
import difflib
import math
import types
import typing


class Between(typing.NamedTuple):
    """Bounds of a number, as `Annotated[int, Between(1)]`.

    Attributes:
        least: Smallest number that will do.
        most: Largest.
        open: Whether the bounds themselves will not do.
    """

    least: float
    most: float = math.inf
    open: bool = False

    def holds(self, value):
        """Whether a number lies between the bounds."""
        if self.open:
            return self.least < value < self.most
        return self.least <= value <= self.most

    def __str__(self):
        if self.most == math.inf:
            return f"{'above' if self.open else 'at least'} {self.least:g}"
        words = (
            "between {:g} and {:g}, without them"
            if self.open
            else ("from {:g} to {:g}")
        )
        return words.format(self.least, self.most)


Count = typing.Annotated[int, Between(1)]
Whole = typing.Annotated[int, Between(0)]
Positive = typing.Annotated[float, Between(0.0, open=True)]
Share = typing.Annotated[float, Between(0.0, 1.0, open=True)]

#: `str | None`, and what `Literal[...] | None` makes.
_UNIONS = (types.UnionType, typing.Union)

_WORDS = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    datetime.date: "a date such as 2026-11-30",
}


def section(cls, table, place):
    """Makes a dataclass of a table.

    Args:
        cls: A dataclass. Fields are `str`, `int`, `float`, `bool`, `Literal`,
            `tuple[T, ...]`, `dict[str, T]`, `Annotated` with `Between`,
            dataclasses, one of these `| None`, or a union of dataclasses
            whose first fields are different `Literal`s.
        table: What `tomllib` read.
        place: File and section, as errors begin: `"a.toml: [data]"`.

    Returns:
        An instance of the class.

    Raises:
        ValueError: If a key is unknown or missing, or a value has a wrong
            type or is out of range: with file, section and key.
    """
    if not isinstance(table, dict):
        raise ValueError(f"{place} must be a table. Received: {table!r}")
    hints = typing.get_type_hints(cls, include_extras=True)
    for key in table:
        if key not in hints:
            raise ValueError(unknown(f"{place} {key} is no key", key, hints))
    missing = [
        field.name
        for field in dataclasses.fields(cls)
        if field.name not in table
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ValueError(
            f"{place} has no {missing[0]}. It must be "
            f"{_expected(hints[missing[0]])}."
        )
    return cls(
        **{
            key: _value(hints[key], value, _place(place, key, hints[key]))
            for key, value in table.items()
        }
    )


def unknown(beginning, name, known):
    """The sentences for a name that does not exist, the closest one first."""
    known = list(map(str, known))
    close = []
    if isinstance(name, str):
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"{beginning}.{hint} Expected one of {', '.join(known)}."


def _value(kind, value, place):
    """A value as its field wants it."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in _UNIONS:
        return _value(_chosen(parts, value, place), value, place)
    if origin is typing.Annotated:
        value = _plain(parts[0], value, place, kind)
        if not parts[1].holds(value):
            raise _wrong(kind, value, place)
        return value
    if origin is typing.Literal:
        if value not in parts or isinstance(value, bool):
            raise ValueError(unknown(f"{place} is {value!r}", value, parts))
        return value
    if origin is tuple and isinstance(value, list):
        return tuple(
            _value(parts[0], item, f"{place}[{number}]")
            for number, item in enumerate(value)
        )
    if origin is dict and isinstance(value, dict):
        return {
            key: _value(parts[1], item, f"{place}.{key}")
            for key, item in value.items()
        }
    if dataclasses.is_dataclass(kind):
        return section(kind, value, place)
    return _plain(kind, value, place)


def _chosen(kinds, value, place):
    """Which kind of a union is meant."""
    kinds = [kind for kind in kinds if kind is not types.NoneType]
    if len(kinds) == 1:
        return kinds[0]  # TOML has no null
    tag = dataclasses.fields(kinds[0])[0].name
    by_tag = {}
    for kind in kinds:
        hint = typing.get_type_hints(kind)[tag]
        by_tag.update(dict.fromkeys(typing.get_args(hint), kind))
    given = value.get(tag) if isinstance(value, dict) else None
    if given is None:
        raise ValueError(unknown(f"{place} has no {tag}", "", by_tag))
    if not isinstance(given, str) or given not in by_tag:
        raise ValueError(unknown(f"{place} {tag} is {given!r}", given, by_tag))
    return by_tag[given]


def _place(place, key, kind):
    """Where a value stands; tables in brackets, as in the file."""
    kinds = typing.get_args(kind) or (kind,)
    is_table = dataclasses.is_dataclass(kinds[0])
    return f"{place} [{key}]" if is_table else f"{place} {key}"


def _plain(kind, value, place, expected=None):
    expected = expected or kind
    # To Python, true is an integer and 1 no float.
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise _wrong(expected, value, place)
    if kind is float and not math.isfinite(value):
        raise _wrong(expected, value, place)
    return value


def _wrong(kind, value, place):
    return ValueError(f"{place} must be {_expected(kind)}. Received: {value!r}")


def _expected(kind):
    """What a field wants, in words."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in _UNIONS:
        return _expected(parts[0])
    if origin is typing.Annotated:
        return f"{_expected(parts[0])} {parts[1]}"
    if origin is typing.Literal:
        return f"one of {', '.join(map(repr, parts))}"
    if origin is tuple:
        return f"a list, each {_expected(parts[0])}"
    if origin is dict:
        return f"a table, each value {_expected(parts[1])}"
    return _WORDS.get(kind, "a table")
