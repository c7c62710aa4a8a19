"""Tries an export with what must not be answered."""

import numpy as np

from keras_transfer.export.check import Check
from keras_transfer.export.signatures import METHODS
from keras_transfer.export.verification import REFUSED

#: Signatures of encoded rows, of which each must be decoded.
_ENCODED = ("image_bytes", *METHODS)


def requests(signatures, inputs):
    """Requests that must be refused, or whose last row must be marked.

    They are for the C API: Python's session refuses and casts at the feed,
    which the server does not.

    Args:
        signatures: Dict from name to `signatures.Signature`.
        inputs: Dict from name to a dict of good rows.

    Returns:
        List of `(signature, dict of arrays, what is wrong)`.
    """
    return [
        (name, rows, words)
        for name, signature in signatures.items()
        for words, rows in _bad(signature, inputs[name])
    ]


def check(requests, answers):
    """Whether bad requests were refused.

    Args:
        requests: As from `requests`.
        answers: List of `probes.Answer`, one for each.

    Returns:
        List of `Check`, one for each signature.
    """
    tried, answered = {}, {}
    for (name, _, words), answer in zip(requests, answers, strict=True):
        tried.setdefault(name, []).append(words)
        if not _is_refused(answer):
            answered.setdefault(name, []).append(words)
    checks = []
    for name, words in tried.items():
        title = f"{name}, bad requests"
        if name in answered:
            text = (
                f"{', '.join(answered[name])}: answered, or failed otherwise "
                f"than by {REFUSED}"
            )
            checks.append(Check(title, "fail", text))
        else:
            checks.append(Check(title, "pass", f"refused: {', '.join(words)}"))
    return checks


def _bad(signature, rows):
    """Requests that are wrong, with what is wrong with them."""
    yield "an empty batch", {key: x[:0] for key, x in rows.items()}
    for key, x in rows.items():
        if len(rows) > 1:
            yield f"rows of {key} missing", {**rows, key: x[:-1]}
        yield f"an axis too many of {key}", {**rows, key: x[..., None]}
        if x.dtype.kind in "fiu":
            other = "int64" if x.dtype.kind == "f" else "float32"
            # A missing value is no integer.
            cast = np.nan_to_num(x).astype(other)
            yield f"a wrong type of {key}", {**rows, key: cast}
        yield from _bad_rows(signature, rows, key)


def _bad_rows(signature, rows, key):
    x = rows[key]
    shape = signature.specs[key].shape.as_list()
    fixed = [axis for axis, size in enumerate(shape[1:], 1) if size]
    if fixed:
        more = np.take(x, [0], axis=fixed[0])
        grown = np.concatenate([x, more], axis=fixed[0])
        yield f"a wrong size of {key}", {**rows, key: grown}
    if x.dtype.kind == "f":
        broken = x.copy()
        is_gap = key in signature.may_be_nan
        bad, words = (np.inf, "an infinity") if is_gap else (np.nan, "a NaN")
        broken[(-1,) + (0,) * (x.ndim - 1)] = bad
        yield f"{words} in {key}", {**rows, key: broken}
    # Any string is a text; only what is decoded can be undecodable.
    if signature.name in _ENCODED and x.dtype == object:
        broken = x.copy()
        broken[-1] = b"\x00 no image, no example"
        yield f"undecodable {key}", {**rows, key: broken}


def _is_refused(answer):
    if not answer.ok:
        return answer.code == REFUSED
    # The bad row is the last; in a masked answer it says so.
    valid = answer.outputs.get("valid")
    return valid is not None and not valid[-1] and valid[:-1].all()
