"""Runs an export without Keras and compares what comes out.

Everything here happens in other processes, which load the folder as TF
Serving does: see `probes`.
"""

import dataclasses
import textwrap
from typing import NamedTuple

import numpy as np

from keras_transfer.export import probes
from keras_transfer.export.check import Check
from keras_transfer.export.difference import Difference

#: Loaders, with the words for them.
LOADERS = {"graph_session": "graph and session", "c_api": "C API"}
#: Rows that padding adds, as the server does to reach an allowed size.
PADDING = 3
#: Most rows that are run each by itself.
SINGLE_ROWS = 8
#: Share of the largest number of a row by which two classes may differ and
#: still be equally good: which of them is the best is a matter of rounding.
TIE = 1e-5
#: Of an error's message.
MOST_CHARACTERS = 300
_LOST_VARIABLE = "Could not find variable"
_ADVICE = (
    "a server does not find the variables, which are not tracked as "
    "tf.Variable: write the folder with export.save or model.export"
)
#: What a graph answers to rows that it does not take.
REFUSED = "INVALID_ARGUMENT"


@dataclasses.dataclass(frozen=True)
class Trial:
    """What came of running a version.

    Attributes:
        checks: List of `Check`.
        differences: Dict from signature to the larger `Difference` of the
            loaders.
        others: Dict from loader to a list of `probes.Answer`, to the requests
            that it was given beside; a loader that failed is not in it.
    """

    checks: list
    differences: dict
    others: dict


def try_out(
    folder,
    inputs,
    expected,
    *,
    tolerance,
    same_class=True,
    others=None,
    fixed=(),
):
    """Runs each signature by each loader, and compares.

    Args:
        folder: The version.
        inputs: Dict from signature to a dict of arrays.
        expected: The same for the outputs, as far as they are known.
        tolerance: Largest difference that passes.
        same_class: Whether the best class must be the same in every row.
        others: Dict from loader to more requests for the same process,
            `(signature, dict of arrays)` each.
        fixed: Signatures that take no other number of rows than they are
            given.

    Returns:
        A `Trial`.
    """
    checks, differences, more = [], {}, {}
    for loader, words in LOADERS.items():
        available = probes.is_available(loader)
        if not available:
            checks.append(Check(words, "skip", available.reason))
            continue
        # One loader is enough for what the rows have to do with each other.
        alone = set(inputs) if loader == "c_api" else set(fixed)
        beside = (others or {}).get(loader, ())
        try:
            answers, more[loader] = answers_of(
                folder, inputs, loader, beside, alone
            )
        except probes.ProbeError as error:
            text = f"{error.code}: {one_line(error)}"
            checks.append(Check(f"loads, {words}", "fail", text))
            continue
        checks.append(Check(f"loads, {words}", "pass"))
        found, apart = compare(answers, expected, tolerance, loader, same_class)
        checks += found
        differences = _larger(differences, apart)
        for name, rows in inputs.items():
            if name not in alone:
                checks += check_rows(name, rows, answers[name], tolerance)
    return Trial(checks, differences, more)


def answers_of(folder, inputs, loader, others=(), alone=(), timeout=300):
    """Runs each signature on its rows, and these among others.

    Args:
        folder: The version.
        inputs: Dict from signature to a dict of arrays.
        loader: A key of `LOADERS`.
        others: More requests for the same process: `(signature, dict of
            arrays)` each.
        alone: Signatures that are run on their rows only.
        timeout: Seconds until the process is killed.

    Returns:
        `(answers, others)`: a dict from signature to a list of
        `probes.Answer` (for the rows and, unless `alone`, for each one by
        itself; for all in reverse; for all with padding), and a list of those
        to the others.

    Raises:
        ProbeError: If the folder cannot be loaded.
    """
    known = probes.signatures(folder)
    requests = [
        (name, variant)
        for name, rows in inputs.items()
        for variant in ([rows] if name in alone else _all_rows(rows))
    ]
    calls = [
        probes.Call(known[name].inputs, known[name].outputs, rows)
        for name, rows in [*requests, *others]
    ]
    answers = probes.run(loader, folder, calls, timeout=timeout)
    found = {name: [] for name in inputs}
    for (name, _), answer in zip(requests, answers, strict=False):
        found[name].append(answer)
    return found, answers[len(requests) :]


def compare(answers, expected, tolerance, loader, same_class=True):
    """Compares with what is known of the answers.

    A signature of which nothing is known must at least answer; that it
    refuses rows made at random says little.

    Args:
        answers: As from `answers_of`.
        expected: Dict from signature to a dict of arrays.
        tolerance: Largest difference that passes.
        loader: A key of `LOADERS`.
        same_class: Whether the best class must be the same in every row.

    Returns:
        `(checks, differences)`.
    """
    checks, differences = [], {}
    for name, (whole, *_) in answers.items():
        title = f"{name}, {LOADERS[loader]}"
        if not whole.ok:
            is_known = name in expected
            is_refusal = whole.code in (REFUSED, "ValueError", "TypeError")
            status = "warn" if is_refusal and not is_known else "fail"
            text = f"{whole.code}: {one_line(whole.message)}"
            if _LOST_VARIABLE in whole.message:
                text = f"{_ADVICE}. {text}"
            if status == "warn":
                text = f"refuses rows made at random. {text}"
            checks.append(Check(title, status, text))
        elif name not in expected:
            text = "answers; nothing to compare with"
            checks.append(Check(title, "pass", text))
        else:
            found = difference(whole.outputs, expected[name])
            differences[name] = found
            checks.append(_compared(title, found, tolerance, same_class))
    return checks, differences


def check_rows(name, rows, answers, tolerance):
    """Whether a row's answer depends on that row alone.

    The server puts requests of several clients into one batch and fills it
    up; whatever looks at its neighbours answers one client with the data of
    another.

    Args:
        name: The signature.
        rows: Dict of arrays that it was given.
        answers: What it answered, as from `answers_of`.
        tolerance: Largest difference that passes.

    Returns:
        List of a `Check`; empty if the rows themselves got no answer.
    """
    whole, *others = answers
    if not whole.ok:
        return []
    title = f"{name}, rows stand alone"
    number = len(next(iter(rows.values())))
    other = [k for k, x in whole.outputs.items() if x.shape[:1] != (number,)]
    if other:
        text = (
            f"{', '.join(other)} has not one row for each row of the inputs: "
            "requests cannot be put into one batch"
        )
        return [Check(title, "warn", text)]
    faults = {
        variant.words: None
        for variant, answer in zip(_variants(rows), others, strict=True)
        if not _same(answer, whole, variant, tolerance)
    }
    if not faults:
        return [Check(title, "pass")]
    text = (
        f"{', '.join(faults)} get other answers or none: under batching one "
        "client's rows would change those of another. Make no layer look "
        "along the batch"
    )
    return [Check(title, "fail", text)]


def difference(found, expected):
    """How far two dicts of outputs are apart: a `Difference`.

    It is infinite where names or shapes differ, or where only one of two
    numbers is finite.
    """
    if set(found) != set(expected):
        return Difference(float("inf"))
    largest, agreements = 0.0, []
    for key, x in found.items():
        y = np.asarray(expected[key])
        if x.shape != y.shape:
            return Difference(float("inf"))
        if x.dtype.kind in "OSU":
            agreements.append(np.mean(x == y) if x.size else 1.0)
            continue
        largest = max(largest, _distance(x, y))
        if x.ndim == 2 and x.shape[1] > 1 and x.dtype.kind == "f" and len(x):
            agreements.append(_same_best(x, y))
    return Difference(
        float(largest), float(min(agreements)) if agreements else None
    )


def one_line(message):
    """A message of TensorFlow without its line breaks and its length."""
    return textwrap.shorten(str(message), MOST_CHARACTERS, placeholder=" ...")


def _compared(title, found, tolerance, same_class):
    agrees = not same_class or found.agreement in (None, 1.0)
    good = found.largest <= tolerance and agrees
    text = f"largest difference {found.largest:.2g}"
    if found.largest == float("inf"):
        text = "names or shapes of the outputs differ, or NaN is among them"
    if found.agreement is not None:
        text += f", same class in {found.agreement:.0%} of the rows"
    if not good:
        text += f"; at most {tolerance:.2g} is allowed"
        text += " and all rows must agree" if not agrees else ""
    return Check(title, "pass" if good else "fail", text)


def _larger(left, right):
    """For each signature the worse of two differences."""
    merged = {**left, **right}
    for name in set(left) & set(right):
        pair = (left[name], right[name])
        shares = [x.agreement for x in pair if x.agreement is not None]
        merged[name] = Difference(
            max(x.largest for x in pair), min(shares, default=None)
        )
    return merged


def _distance(x, y):
    x, y = x.astype("float64"), y.astype("float64")
    finite = np.isfinite(y)
    if not np.array_equal(x[~finite], y[~finite], equal_nan=True):
        return float("inf")
    x, y = x[finite], y[finite]
    if not np.isfinite(x).all():
        return float("inf")
    scale = max(1.0, np.abs(y).max(initial=0.0))
    return np.abs(x - y).max(initial=0.0) / scale


def _same_best(x, y):
    """Share of the rows whose best class is as good in the other answer."""
    x, y = np.nan_to_num(x), np.nan_to_num(y)
    chosen = np.take_along_axis(y, x.argmax(1)[:, None], axis=1)[:, 0]
    margin = TIE * np.abs(y).max(1)
    return np.mean(chosen >= y.max(1) - margin)


class _Variant(NamedTuple):
    """Rows among others than before, and which of the answers must agree."""

    words: str
    rows: dict
    own: slice
    of_whole: slice


def _variants(rows):
    number = len(next(iter(rows.values())))
    singles = [slice(row, row + 1) for row in range(min(number, SINGLE_ROWS))]
    backwards = slice(None, None, -1)
    padded = {
        key: np.concatenate([x, np.repeat(x[-1:], PADDING, axis=0)])
        for key, x in rows.items()
    }
    return [
        *(
            _Variant("a single row", _taken(rows, one), slice(None), one)
            for one in singles
        ),
        _Variant(
            "rows in reverse", _taken(rows, backwards), slice(None), backwards
        ),
        _Variant("padded rows", padded, slice(number), slice(None)),
    ]


def _all_rows(rows):
    return [rows, *(variant.rows for variant in _variants(rows))]


def _taken(arrays, which):
    return {key: x[which] for key, x in arrays.items()}


def _same(answer, whole, variant, tolerance):
    if not answer.ok or any(not x.ndim for x in answer.outputs.values()):
        return False
    found = difference(
        _taken(answer.outputs, variant.own),
        _taken(whole.outputs, variant.of_whole),
    )
    return found.largest <= tolerance and found.agreement in (None, 1.0)
