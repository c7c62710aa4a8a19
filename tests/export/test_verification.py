"""Runs of an export, and what is made of the answers."""

import ml_dtypes
import numpy as np
import pytest

from keras_transfer.export import probes
from keras_transfer.export import samples
from keras_transfer.export import verification
from keras_transfer.export.difference import Difference
from keras_transfer.export.probes import Answer
from keras_transfer.export.probes.run import Availability
from keras_transfer.export.verification import difference

INFINITE = Difference(float("inf"))


def _answers(whole, first=None, reverse=None, padded=None):
    """The answers of rows `whole`, right ones where nothing is given."""
    last = np.repeat(whole[-1:], verification.PADDING, axis=0)
    values = [
        whole,
        whole[:1] if first is None else first,
        *(whole[row : row + 1] for row in range(1, len(whole))),
        whole[::-1] if reverse is None else reverse,
        np.concatenate([whole, last]) if padded is None else padded,
    ]
    return [Answer(True, {"y": x}) for x in values]


@pytest.fixture
def rows():
    return np.arange(6, dtype="float32").reshape(3, 2)


def _check_rows(rows, answers, tolerance=1e-5):
    return verification.check_rows("predict", {"x": rows}, answers, tolerance)


# === Differences ===


def test_a_difference_is_relative_above_one_and_absolute_below():
    x, y = np.array([[200.0], [0.0]]), np.array([[100.0], [0.0]])
    assert difference({"y": x}, {"y": y}).largest == 1.0
    x, y = np.array([[0.3], [0.0]]), np.array([[0.1], [0.0]])
    assert difference({"y": x}, {"y": y}).largest == pytest.approx(0.2)


def test_the_largest_of_all_outputs_and_the_smallest_agreement():
    found = {
        "near": np.array([[0.0, 1.0], [1.0, 0.0]]),
        "far": np.array([[0.5, 0.6], [0.6, 0.5]]),
        "words": np.array([b"a", b"b"], dtype=object),
    }
    expected = {
        "near": np.array([[0.0, 1.0], [1.0, 0.0]]),
        "far": np.array([[0.6, 0.5], [0.6, 0.5]]),
        "words": np.array([b"a", b"b"], dtype=object),
    }
    result = difference(found, expected)
    assert result.largest == pytest.approx(0.1)
    assert result.agreement == 0.5


def test_strings_agree_or_not():
    x = np.array([b"a", b"b", b"c", b"d"], dtype=object)
    y = np.array([b"a", b"b", b"c", b"x"], dtype=object)
    assert difference({"y": x}, {"y": y}) == Difference(0.0, 0.75)


@pytest.mark.parametrize(
    "expected",
    [
        {"z": np.zeros((2, 1))},
        {"y": np.zeros((2, 1)), "z": np.zeros(2)},
        {"y": np.zeros((3, 1))},
        {"y": np.zeros(2)},
    ],
)
def test_other_names_and_shapes_are_infinitely_far(expected):
    assert difference({"y": np.zeros((2, 1))}, expected) == INFINITE


@pytest.mark.parametrize(
    ("x", "y", "largest"),
    [
        ([np.nan, 1.0], [np.nan, 1.0], 0.0),
        ([np.inf, 1.0], [np.inf, 1.5], 0.5 / 1.5),
        ([np.nan, 1.0], [0.0, 1.0], np.inf),
        ([0.0, 1.0], [np.nan, 1.0], np.inf),
        ([np.inf, 1.0], [-np.inf, 1.0], np.inf),
        ([np.nan, 1.0], [np.inf, 1.0], np.inf),
    ],
)
def test_numbers_that_are_not_finite_must_be_the_same(x, y, largest):
    found = difference({"y": np.array(x)}, {"y": np.array(y)})
    assert found.largest == pytest.approx(largest)


def test_equally_good_classes_are_no_disagreement():
    # Features that saturate, as ReLU6 does, differ by rounding.
    x = np.array([[6.0, 5.9999995, 0.0]], "float32")
    y = np.array([[5.9999995, 6.0, 0.0]], "float32")
    assert difference({"y": x}, {"y": y}).agreement == 1.0
    # Small scores are compared on their own scale.
    x = np.array([[1.1e-6, 1.0e-6]], "float32")
    assert difference({"y": x}, {"y": x[:, ::-1]}).agreement == 0.0


def test_types_that_numpy_lacks():
    x = np.array([1.0, 2.0], ml_dtypes.bfloat16)
    assert difference({"y": x}, {"y": np.array([1.0, 2.5])}).largest == 0.2


def test_no_rows_are_no_difference():
    empty = {"y": np.zeros((0, 3)), "z": np.array([], dtype=object)}
    assert difference(empty, empty) == Difference(0.0, 1.0)


# === Comparisons ===


def _compare(answer, expected, tolerance=1e-5, same_class=True):
    checks, differences = verification.compare(
        {"predict": [answer]},
        {} if expected is None else {"predict": {"y": expected}},
        tolerance,
        "c_api",
        same_class,
    )
    (check,) = checks
    assert check.name == "predict, C API"
    return check, differences


@pytest.mark.parametrize(("shift", "status"), [(0.9, "pass"), (1.1, "fail")])
def test_the_tolerance(rows, shift, status):
    answer = Answer(True, {"y": rows + shift})
    check, differences = _compare(answer, rows, tolerance=1.0 / rows.max())
    assert check.status == status
    assert differences["predict"].largest == pytest.approx(shift / 5)


def test_other_classes_fail_unless_they_are_not_asked_for():
    x = np.array([[0.5, 0.5001]])
    answer = Answer(True, {"y": x[:, ::-1]})
    check, _ = _compare(answer, x, tolerance=0.1)
    assert (check.status, "all rows must agree" in check.text) == ("fail", True)
    check, _ = _compare(answer, x, tolerance=0.1, same_class=False)
    assert check.status == "pass"
    assert "same class in 0% of the rows" in check.text


def test_other_shapes_are_said_in_words(rows):
    check, _ = _compare(Answer(True, {"y": rows}), rows[:1])
    assert check.status == "fail"
    assert check.text.startswith("names or shapes of the outputs differ")


@pytest.mark.parametrize(
    ("code", "is_known", "status"),
    [
        ("INVALID_ARGUMENT", True, "fail"),
        ("INVALID_ARGUMENT", False, "warn"),
        ("ValueError", False, "warn"),
        ("FAILED_PRECONDITION", False, "fail"),
        ("NOT_FOUND", False, "fail"),
    ],
)
def test_no_answer(rows, code, is_known, status):
    answer = Answer(False, code=code, message="so it is")
    check, differences = _compare(answer, rows if is_known else None)
    assert check.status == status
    assert f"{code}: so it is" in check.text
    assert differences == {}


def test_errors_are_one_line_of_bearable_length(rows):
    message = "first line\n\t [[{{node x}}]]\n" + 1000 * "long "
    answer = Answer(False, code="INTERNAL", message=message)
    check, _ = _compare(answer, rows)
    assert check.text.startswith("INTERNAL: first line [[{{node x}}]] long")
    assert "\n" not in check.text
    assert len(check.text) < 330


def test_an_answer_with_nothing_to_compare(rows):
    check, differences = _compare(Answer(True, {"y": rows}), None)
    assert (check.status, differences) == ("pass", {})
    assert "nothing to compare" in check.text


# === Rows ===


def test_rows_that_stand_alone(rows):
    (check,) = _check_rows(rows, _answers(rows))
    assert (check.name, check.status) == ("predict, rows stand alone", "pass")


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("first", "a single row get"),
        ("reverse", "rows in reverse get"),
        ("padded", "padded rows get"),
    ],
)
def test_each_way_to_depend_on_others(rows, which, words):
    right = dict(
        zip(
            ("whole", "first", "reverse", "padded"),
            [_answers(rows)[n].outputs["y"] for n in (0, 1, -2, -1)],
            strict=True,
        )
    )
    wrong = {**right, which: right[which] + 0.5}
    (check,) = _check_rows(rows, _answers(*wrong.values()))
    assert check.status == "fail"
    assert check.text.startswith(words)
    (check,) = _check_rows(rows, _answers(*wrong.values()), tolerance=1.0)
    assert check.status == "pass"


def test_each_of_the_first_rows_is_run_by_itself(rows):
    answers = _answers(rows)
    answers[3] = Answer(True, {"y": rows[2:] + 0.5})
    (check,) = _check_rows(rows, answers)
    assert check.status == "fail"
    many = np.arange(40, dtype="float32").reshape(20, 2)
    variants = verification._variants({"x": many})
    assert len(variants) == verification.SINGLE_ROWS + 2


def test_padding_rows_themselves_do_not_count(rows):
    padded = np.concatenate([rows, np.full((3, 2), 99.0, "float32")])
    (check,) = _check_rows(rows, _answers(rows, padded=padded))
    assert check.status == "pass"


def test_a_refused_variant_depends_on_others(rows):
    answers = _answers(rows)
    answers[1] = Answer(False, code="INVALID_ARGUMENT")
    (check,) = _check_rows(rows, answers)
    assert check.status == "fail"


@pytest.mark.parametrize("output", [np.float32(1.0), np.ones(5, "float32")])
def test_outputs_without_rows_cannot_be_batched(rows, output):
    answers = [Answer(True, {"y": np.asarray(output)})] * 6
    (check,) = _check_rows(rows, answers)
    assert check.status == "warn"


def test_rows_without_an_answer_are_not_judged(rows):
    answers = [Answer(False, code="INTERNAL")] * 6
    assert _check_rows(rows, answers) == []


# === Runs ===


@pytest.mark.slow
def test_answers_of_each_loader(flowers):
    kept = samples.read(flowers)
    inputs = {name: given for name, (given, _) in kept.items()}
    other = ("predict", {"image": inputs["predict"]["image"][:2]})
    for loader in verification.LOADERS:
        if not probes.is_available(loader):
            continue
        answers, others = verification.answers_of(
            flowers, inputs, loader, [other], alone=["features"]
        )
        assert {name: len(x) for name, x in answers.items()} == {
            "classify": 6,
            "features": 1,
            "image_bytes": 6,
            "predict": 6,
        }
        whole, first, *_, reverse, padded = answers["predict"]
        lengths = [len(x.outputs["scores"]) for x in (whole, first, padded)]
        assert lengths == [3, 1, 6]
        np.testing.assert_allclose(
            reverse.outputs["scores"],
            whole.outputs["scores"][::-1],
            atol=1e-6,
        )
        (two,) = others
        assert two.outputs["classes"].shape == (2,)


def test_a_loader_that_fails_is_a_check(monkeypatch, rows):
    def fail(folder, inputs, loader, others, alone):
        if loader == "graph_session":
            raise probes.ProbeError("NOT_FOUND", "no variables")
        apart = rows + 1.0 if loader == "c_api" else rows
        return {"predict": [Answer(True, {"y": apart})]}, [Answer(True, {})]

    monkeypatch.setattr(verification, "answers_of", fail)
    monkeypatch.setattr(probes, "is_available", lambda loader: True)
    trial = verification.try_out(
        "1",
        {"predict": {"x": rows}},
        {"predict": {"y": rows}},
        tolerance=1e-5,
        others={"c_api": [("predict", {"x": rows})]},
    )
    statuses = {check.name: check.status for check in trial.checks}
    assert statuses == {
        "loads, graph and session": "fail",
        "loads, C API": "pass",
        "predict, C API": "fail",
    }
    assert trial.checks[0].text == "NOT_FOUND: no variables"
    assert list(trial.others) == ["c_api"]


def test_the_worse_of_two_loaders_is_told(monkeypatch, rows):
    shifts = {"graph_session": 0.5, "c_api": 0.0}

    def answer(folder, inputs, loader, others, alone):
        return {"predict": _answers(rows + shifts[loader])}, []

    monkeypatch.setattr(verification, "answers_of", answer)
    monkeypatch.setattr(probes, "is_available", lambda loader: True)
    trial = verification.try_out(
        "1", {"predict": {"x": rows}}, {"predict": {"y": rows}}, tolerance=1.0
    )
    assert trial.differences["predict"].largest == pytest.approx(0.1)


def test_a_loader_that_is_missing_is_skipped(monkeypatch, rows):
    def available(loader):
        reason = "not on this system"
        return Availability(loader == "graph_session", reason)

    monkeypatch.setattr(
        verification,
        "answers_of",
        lambda *args: ({"predict": _answers(rows)}, []),
    )
    monkeypatch.setattr(probes, "is_available", available)
    trial = verification.try_out(
        "1", {"predict": {"x": rows}}, {}, tolerance=1e-5
    )
    check = trial.checks[-1]
    assert (check.name, check.status) == ("C API", "skip")
    assert check.text == "not on this system"
