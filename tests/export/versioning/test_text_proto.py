"""Text protos are read with the places of their fields."""

import pytest

from keras_transfer.export.versioning import text_proto


def test_fields_know_where_they_stand():
    text = 'a: "x"  # why\nb { c: 1 c: -2 }\n'
    message = text_proto.parse(text)
    assert [text[f.start : f.end] for f in message.fields] == [
        'a: "x"',
        "b { c: 1 c: -2 }",
    ]
    (inner,) = message.values("b")
    assert text[inner.start : inner.end] == " c: 1 c: -2 "
    assert inner.values("c") == [1, -2]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 12", 12),
        ("a: 'it\\'s'", "it's"),
        ('a: "one "\n  # between\n  "two"', "one two"),
        ('a: "\\303\\251 \\"q\\" #1"', 'é "q" #1'),
        ('a: "é"', "é"),
        ("a: TRUE", "TRUE"),
        ("a: 1.5e-3", "1.5e-3"),
        ("a: 0x10", "0x10"),
        ("a: 010", "010"),  # octal: no number that we would know
    ],
)
def test_scalars(text, value):
    assert text_proto.parse(text).values("a") == [value]


def test_a_string_is_told_from_a_word():
    quoted, word = text_proto.parse('a: "all" a: all').values("a")
    assert quoted == word
    assert isinstance(word, text_proto.Word)
    assert not isinstance(quoted, text_proto.Word)


def test_all_ways_to_write_messages_lists_and_separators():
    text = """
    a { b: 1 }, a: { b: 2 }; a < b: 3 >
    a [ { b: 4 }, < b: 5 > ]
    [type.googleapis.com/some.Thing] { any: [thing, "at", 1] }
    """.replace("a [", "a: [")
    message = text_proto.parse(text)
    assert [inner.values("b") for inner in message.values("a")] == [
        [n] for n in range(1, 6)
    ]
    (thing,) = message.values("[type.googleapis.com/some.Thing]")
    assert thing.values("any") == ["thing", "at", 1]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a {\n b: 1\n", "Line 3: expected the name of a field, found its end"),
        ("a: 1\n}", "Line 2: expected the name of a field, found '}'"),
        ("a 1", "expected ':' or '{' after 'a', found '1'"),
        ("a: }", "expected a value, found '}'"),
        ("a:", "expected a value, found its end"),
        ('a: "x', "expected a text proto, found '\"'"),
        ("a { b: 1 >", "expected the name of a field, found '>'"),
        ("a: [1, 2", "expected a value, found its end"),
        ("[a.b { }", r"expected '\]', found '\{'"),
    ],
)
def test_what_is_no_text_proto_is_refused_with_its_line(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        text_proto.parse(text)


@pytest.mark.parametrize("text", ["plain", 'a "b" \\ c', "é\n\t#"])
def test_quoted_strings_are_read_back(text):
    written = f"a: {text_proto.quote(text)}"
    assert text_proto.parse(written).values("a") == [text]


def test_comments_of_a_field():
    text = '# no\na { # one\n b: "# no" # two\n} # no'
    (field,) = text_proto.parse(text).fields
    assert text_proto.comments(text, field) == ["# one", "# two"]
