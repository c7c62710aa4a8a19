"""Copies weights into a model, layer by layer."""

import os
import pathlib
import sys

import keras
import numpy as np
from keras import ops
from tqdm import tqdm

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.finetune import weight_entries
from keras_transfer.finetune.checkpoints.read_weights import SUFFIXES
from keras_transfer.finetune.checkpoints.read_weights import read_weights
from keras_transfer.finetune.transfer_report import Leftover
from keras_transfer.finetune.transfer_report import Transfer
from keras_transfer.finetune.transfer_report import TransferReport
from keras_transfer.finetune.weight_layouts import UnfitError
from keras_transfer.finetune.weight_layouts import epsilon_warnings
from keras_transfer.finetune.weight_layouts import layout_of
from keras_transfer.finetune.weight_matching import LEFT_OUT
from keras_transfer.finetune.weight_matching import match_weights

ON_MISMATCH = ("skip", "crop", "error")
_MOST_SHOWN = 5


def transfer_weights(
    source, target, mapping=None, on_mismatch="skip", verbose=True
):
    """Copies the weights of a model or a file into a model, and says which.

    Weights are paired by `mapping`; without one by name, if any name agrees
    that is not one of Keras' automatic ones, and else by shape and order: the
    longest common subsequence of layers whose weights are of the same kind
    and shape. Names may be joined by `.`, `/` or `_`, and the matching part
    may stand deeper in either model.

    Weights of PyTorch (named `weight`, `bias`, `running_mean`,
    `running_var`) are turned into Keras' order of axes, for dense,
    convolution, norm and embedding layers. A dense layer behind a flattened
    map gets its rows in the order of channels last.

    All is checked before the first weight is changed: an error changes
    nothing.

    Bad at: what weights do not tell. `padding="same"` with strides pads
    otherwise than PyTorch; use `ZeroPadding2D` and "valid", as
    `kt.zoo.resnet18` does. Recurrent layers and the joint projection of
    PyTorch's attention are left over. By order, equal neighbours may be
    taken for each other: read the report.

    Args:
        source: A built `keras.Model`; a file that ends in `.pt`, `.pth`,
            `.bin`, `.ckpt`, `.safetensors` (`read_weights`) or `.keras`; or a
            dict from names to arrays.
        target: A built `keras.Model`, changed in place.
        mapping: `None`; `"name"` or `"order"` to pair in this way only; or a
            dict from names of the source (layers or weights) to those of the
            target, or to `None` for what to leave out. `*` stands for any
            text in both: `{"encoder.*": "*", "fc": None}`. The first key that
            fits counts; what none fits is paired by name.
        on_mismatch: What to do with a pair whose shapes differ: `"skip"` it;
            `"crop"`: copy the leading block that both have, the rest keeps
            its values; `"error"`: raise, also if anything is left over on
            either side, except what the mapping leaves out.
        verbose: Whether to print the report, to the standard error.

    Returns:
        A `TransferReport`; `print(report)` shows it as a table.

    Raises:
        ValueError: If nothing fits, if the mapping names what is not there,
            if two weights have the same place, or under `"error"` if not all
            fits.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> model = keras.Sequential(
    ...     [keras.Input((4,)), keras.layers.Dense(2, name="fc")]
    ... )
    >>> weights = {"fc.weight": np.ones((2, 4)), "fc.bias": np.zeros(2)}
    >>> print(kt.finetune.transfer_weights(weights, model, verbose=False))
    2 weights transferred by name, 0 of the source left over, 0 of the target
    unchanged
    Transferred
      fc.weight  fc/kernel  (4, 2)  OI to IO
      fc.bias    fc/bias    (2,)

    Reference:

    - [Yosinski et al., 2014, How transferable are features in deep neural
      networks?](https://arxiv.org/abs/1411.1792)
    """
    if on_mismatch not in ON_MISMATCH:
        raise unknown_name("on_mismatch", on_mismatch, ON_MISMATCH)
    targets, unseen = _weights_of(target, "target")
    sources = _sources(source)
    match = match_weights(sources, targets, mapping, on_mismatch == "crop")
    _check_places(match.pairs)
    layouts, unfit = _layouts(match.pairs, on_mismatch == "crop")
    report = _report(match, layouts, unfit, sources, targets, unseen)
    if on_mismatch == "error":
        _check_completeness(report)
    if not layouts:
        raise ValueError(
            f"None of the {len(sources)} weights of the source fits the "
            f"target: {_listed(report.left_over)}. Pass mapping= with the "
            "names that belong together."
        )
    for pair, layout in layouts:
        _assign(*pair, layout)
    if verbose:
        tqdm.write(str(report), file=sys.stderr)
    return report


def _sources(source):
    if isinstance(source, keras.Model):
        return _weights_of(source, "source")[0]
    if isinstance(source, dict):
        weights = weight_entries.weights_of_arrays(source)
        if not weights:
            raise invalid_argument("source", source, "a dict with weights")
        return weights
    if not isinstance(source, (str, os.PathLike)):
        raise invalid_argument(
            "source", source, "a keras.Model, a file, or a dict of arrays"
        )
    path = pathlib.Path(source)
    if path.suffix == ".keras":
        if not path.is_file():
            raise invalid_argument("source", str(path), "a file that exists")
        return _weights_of(
            keras.saving.load_model(path, compile=False), "source"
        )[0]
    if path.suffix not in SUFFIXES:
        raise invalid_argument(
            "source",
            str(path),
            f"a file that ends in {', '.join(SUFFIXES)} or .keras",
            "A `.weights.h5` file numbers its arrays and does not name them: "
            "load it into its model, and pass that.",
        )
    return weight_entries.weights_of_arrays(read_weights(path))


def _weights_of(model, argument):
    if not isinstance(model, keras.Model) or not model.weights:
        raise invalid_argument(
            argument, model, "a keras.Model that is built and has weights"
        )
    return weight_entries.weights_of_model(model)


def _check_places(pairs):
    taken = {}
    for source, target in pairs:
        other = taken.setdefault(id(target), source)
        if other is not source:
            raise ValueError(
                f"Both {other.name!r} and {source.name!r} of the source would "
                f"go to {target.name!r}. Pass mapping= with one of them as "
                "None."
            )


def _layouts(pairs, crop):
    """Pairs that can be copied with their layouts, and why others cannot."""
    layouts, unfit = [], {}
    for source, target in pairs:
        try:
            layout = layout_of(source, target)
        except UnfitError as error:
            unfit[id(source)] = unfit[id(target)] = str(error)
            continue
        is_same = layout.shape == target.shape
        can_be_cropped = len(layout.shape) == len(target.shape)
        if is_same or (crop and can_be_cropped):
            layouts.append(((source, target), layout))
        else:
            unfit[id(source)] = f"{target.name} has the shape {target.shape}"
            unfit[id(target)] = f"{source.name} has the shape {source.shape}"
    return layouts, unfit


def _report(match, layouts, unfit, sources, targets, unseen):
    pairs = [pair for pair, _ in layouts]
    done = {id(weight) for pair in pairs for weight in pair}
    reasons = {**match.reasons, **unfit}
    nothing = "nothing of the source goes there"
    warnings = epsilon_warnings(pairs)
    if unseen and any(source.is_torch for source, _ in pairs):
        warnings.append(
            f"{', '.join(unseen)} flattens where no graph shows what follows: "
            "dense kernels were not put in the order of channels last"
        )
    return TransferReport(
        match.method,
        tuple(
            Transfer(s.name, t.name, t.shape, _note(layout, t))
            for (s, t), layout in layouts
        ),
        tuple(
            Leftover(s.name, s.shape, reasons[id(s)])
            for s in sources
            if id(s) not in done
        ),
        tuple(
            Leftover(t.name, t.shape, unfit.get(id(t), nothing))
            for t in targets
            if id(t) not in done
        ),
        tuple(warnings),
    )


def _note(layout, target):
    if layout.shape == target.shape:
        return layout.note
    cropped = f"cropped from {layout.shape}"
    return f"{layout.note}, {cropped}" if layout.note else cropped


def _check_completeness(report):
    left_over = [row for row in report.left_over if row.reason != LEFT_OUT]
    if left_over or report.unfilled:
        raise ValueError(
            "The weights do not fit one to one, and on_mismatch='error'. "
            f"Left over in the source: {_listed(left_over) or 'nothing'}. "
            f"Without a value: {_listed(report.unfilled) or 'nothing'}."
        )


def _listed(rows):
    shown = [f"{row.name} ({row.reason})" for row in rows[:_MOST_SHOWN]]
    if len(rows) > _MOST_SHOWN:
        shown.append(f"and {len(rows) - _MOST_SHOWN} more")
    return ", ".join(shown)


def _assign(source, target, layout):
    variable = target.value
    array = layout.turned(source.numbers())
    if array.shape != target.shape:
        block = tuple(
            slice(min(sizes))
            for sizes in zip(array.shape, target.shape, strict=True)
        )
        whole = np.array(ops.convert_to_numpy(variable))
        whole[block] = array[block]
        array = whole
    variable.assign(ops.cast(ops.convert_to_tensor(array), variable.dtype))
