"""Protocol buffers as text, read so that they can be edited in place.

`google.protobuf.text_format` drops comments and refuses fields that it has no
schema for, and the schema of TF Serving's config is in a package of its own.
Here every field knows where it stands in the text, so that an edit replaces
these characters and leaves all others as they were.
"""

import dataclasses
import re

from google.protobuf import text_encoding

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<comment>\#[^\n]*)
  | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
  | (?P<word>[-+]?(?:[0-9.]+[eE][-+][0-9]+|[A-Za-z0-9_.]+))
  | (?P<mark>[{}<>\[\]:;,/])
    """,
    re.VERBOSE,
)
_CLOSING = {"{": "}", "<": ">"}


@dataclasses.dataclass(frozen=True)
class Field:
    """A field where it stands in the text.

    Attributes:
        name: Its name; of an extension or `Any` the words in brackets.
        values: Its values, one unless it is a list: `str` for strings, `int`
            for integers, `Message`, and `Word` for anything else.
        start: Index of its first character in the text.
        end: Index behind its last character.
    """

    name: str
    values: tuple
    start: int
    end: int


@dataclasses.dataclass(frozen=True)
class Message:
    """What stands between two braces, or the whole text.

    Attributes:
        fields: Tuple of `Field`, in their order.
        start: Index behind the opening brace.
        end: Index of the closing brace.
    """

    fields: tuple
    start: int
    end: int

    def all(self, *names):
        """The fields of these names."""
        return [field for field in self.fields if field.name in names]

    def values(self, name):
        """The values of a field that may be repeated, or a list."""
        return [value for field in self.all(name) for value in field.values]


class Word(str):
    """A bare word: a name of an enumeration, `true`, or a fraction."""


def parse(text):
    """Reads a text.

    Args:
        text: The text.

    Returns:
        The outermost `Message`.

    Raises:
        ValueError: If the text is no text proto, with the line.
    """
    return _Parser(text).message(None, 0)


def quote(text):
    """A string as it is written in a text proto."""
    return f'"{text_encoding.CEscape(text, as_utf8=True)}"'


def line_of(text, index):
    """Number of the line, from 1, that a character stands in."""
    return text.count("\n", 0, index) + 1


def comments(text, field):
    """The comments inside a field, each from its `#` to the line's end."""
    found = []
    position = field.start
    while position < field.end:
        match = _TOKEN.match(text, position)
        if match.lastgroup == "comment":
            found.append(match.group())
        position = match.end()
    return found


class _Parser:
    def __init__(self, text):
        self.text = text
        self.tokens = [*self._tokens()]
        self.next = 0
        self.end = 0  # index behind the token that was taken last

    def message(self, closing, start):
        fields = []
        while True:
            kind, word, position = self._peek()
            if word == closing and kind in ("mark", "end"):
                self._take()
                return Message(tuple(fields), start, position)
            if kind == "mark" and word in ",;" and fields:
                self._take()
                continue
            fields.append(self._field())

    def _field(self):
        kind, name, start = self._take()
        if (kind, name) == ("mark", "["):
            name = self._bracketed_name()
        elif kind != "word":
            raise self._error("the name of a field", name, start)
        has_colon = self._peek()[1] == ":"
        if has_colon:
            self._take()
        kind, word, position = self._peek()
        if not has_colon and word not in ("{", "<"):
            raise self._error(f"':' or '{{' after {name!r}", word, position)
        if (kind, word) == ("mark", "["):
            values = self._list()
        else:
            values = (self._value(),)
        return Field(name, values, start, self.end)

    def _bracketed_name(self):
        words = []
        while True:
            kind, word, position = self._take()
            if kind == "mark" and word == "]":
                return f"[{''.join(words)}]"
            if kind != "word" and word != "/":
                raise self._error("']'", word, position)
            words.append(word)

    def _list(self):
        self._take()
        values = []
        while True:
            kind, word, _ = self._peek()
            if kind == "mark" and word in ("]", ","):
                self._take()
                if word == "]":
                    return tuple(values)
                continue
            values.append(self._value())

    def _value(self):
        kind, word, position = self._take()
        if kind == "mark" and word in _CLOSING:
            return self.message(_CLOSING[word], position + 1)
        if kind == "string":
            parts = [word]
            while self._peek()[0] == "string":
                parts.append(self._take()[1])
            return "".join(self._unquoted(part, position) for part in parts)
        if kind != "word":
            raise self._error("a value", word, position)
        is_decimal = re.fullmatch(r"-?(0|[1-9]\d*)", word)
        return int(word) if is_decimal else Word(word)

    def _unquoted(self, word, position):
        try:
            return text_encoding.CUnescape(word[1:-1]).decode("utf-8")
        except ValueError as error:
            raise self._error("a string", word, position) from error

    def _peek(self):
        return self.tokens[self.next]

    def _take(self):
        kind, word, position = self.tokens[self.next]
        self.end = position + len(word or "")
        self.next = min(self.next + 1, len(self.tokens) - 1)
        return kind, word, position

    def _tokens(self):
        position = 0
        while position < len(self.text):
            match = _TOKEN.match(self.text, position)
            if match is None:
                character = self.text[position]
                raise self._error("a text proto", character, position)
            if match.lastgroup not in ("space", "comment"):
                yield match.lastgroup, match.group(), position
            position = match.end()
        yield "end", None, position

    def _error(self, expected, word, position):
        found = "its end" if word is None else repr(word)
        return ValueError(
            f"Line {line_of(self.text, position)}: expected {expected}, "
            f"found {found}."
        )
