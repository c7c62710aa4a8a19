"""The signatures of an export, each a function from named tensors to others.

A row's answer depends on that row alone: the server puts the requests of
several clients into one batch.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.adaptation import feature_tap
from keras_transfer.export import image_bytes
from keras_transfer.export import row_checks
from keras_transfer.export import tf_example

NAMES = ("predict", "image_bytes", "features", "classify", "regress")
#: What the server calls the signatures of its older APIs.
METHODS = {
    "classify": "tensorflow/serving/classify",
    "regress": "tensorflow/serving/regress",
}


@dataclasses.dataclass(frozen=True)
class Signature:
    """One signature.

    Attributes:
        name: What clients call it.
        specs: Dict of `tf.TensorSpec` by input name.
        function: From a dict of tensors to a dict of tensors; in the graph.
        reference: From a dict of arrays to a dict of arrays, by the model in
            memory and another way through the code: what the graph must give.
        samples: From rows of the model's inputs to those of the signature.
        core: The part of `function` that an accelerator can run, a
            `tf.function` of numbers by name; the rest runs on the host.
        core_specs: Dict of `tf.TensorSpec` for it.
        may_be_nan: Names of the inputs in which NaN is a missing value.
    """

    name: str
    specs: dict[str, tf.TensorSpec]
    function: Callable
    reference: Callable
    samples: Callable
    core: Callable
    core_specs: dict[str, tf.TensorSpec]
    may_be_nan: frozenset = frozenset()


@dataclasses.dataclass(frozen=True)
class Settings:
    """What all signatures of an export have in common.

    Attributes:
        classifier: A `Classifier`, or `None` for the model's own outputs.
        features: Names of the layers for `features`, or `None`.
        mask: Whether bad rows are marked instead of refused.
        max_pixels: Most pixels of an encoded image.
    """

    classifier: Any = None
    features: Any = None
    mask: bool = False
    max_pixels: int = image_bytes.MAX_PIXELS

    @property
    def class_names(self):
        """Names of the classes, or `None`."""
        return self.classifier.class_names if self.classifier else None


def make(name, served, settings):
    """Makes a signature by its name.

    Args:
        name: One of `NAMES`.
        served: A `ServedModel`.
        settings: `Settings`.

    Returns:
        A `Signature`.

    Raises:
        ValueError: If the name is unknown, or the model cannot have it.
    """
    makers = {
        "predict": _predict,
        "image_bytes": _image_bytes,
        "features": _features,
        "classify": _classify,
        "regress": _regress,
    }
    if name not in makers:
        raise unknown_name("signatures", name, makers)
    return makers[name](served, settings)


def _predict(served, settings):
    _check_valid_is_free(served, settings)
    specs = served.input_specs
    core = _core(served, settings)

    def function(tensors):
        return _guarded(tensors, served, _named(core, settings), settings)

    reference = _reference(served, settings)
    return Signature(
        "predict",
        specs,
        function,
        reference,
        _unchanged,
        core,
        specs,
        served.may_be_nan,
    )


def _features(served, settings):
    specs = served.input_specs
    tap = feature_tap.tap(served.model, settings.features)

    @tf.function
    def core(tensors):
        features, _ = tap(served.packed(tensors), training=False)
        features = [tf.cast(x, tf.float32) for x in features]
        if len(features) == 1:
            return {"features": features[0]}
        return dict(zip(settings.features, features, strict=True))

    def reference(rows):
        answers = _to_numpy(core.python_function(_to_tensors(rows)))
        return _with_valid(answers, settings)

    def function(tensors):
        return _guarded(tensors, served, core, settings)

    return Signature(
        "features",
        specs,
        function,
        reference,
        _unchanged,
        core,
        specs,
        served.may_be_nan,
    )


def _image_bytes(served, settings):
    name, spec = served.only_input("image_bytes")
    rule = image_bytes.resize_rule(served)
    decode = image_bytes.decoder(
        rule, spec.dtype, settings.max_pixels, settings.mask
    )
    _check_valid_is_free(served, settings)
    core = _core(served, settings)
    answer = _named(core, settings)

    def function(tensors):
        contents = row_checks.checked(tensors, specs)["image_bytes"]
        pixels, valid = decode(contents)
        outputs = answer({name: pixels})
        return _blanked(outputs, valid) if settings.mask else outputs

    specs = {"image_bytes": tf.TensorSpec([None], tf.string, "image_bytes")}
    of_pixels = _reference(served, settings)

    def reference(rows):
        pixels = [
            image_bytes.decode_eagerly(contents, rule, spec.dtype)
            for contents in rows["image_bytes"]
        ]
        return of_pixels({name: np.stack(pixels)})

    def samples(rows):
        return {"image_bytes": image_bytes.encode(rows[name])}

    return Signature(
        "image_bytes",
        specs,
        function,
        reference,
        samples,
        core,
        served.input_specs,
    )


def _classify(served, settings):
    if settings.classifier is None:
        raise invalid_argument(
            "signatures", "classify", "class_names to go with 'classify'"
        )
    names = settings.classifier.class_names

    def outputs(answers):
        scores = answers["scores"]
        classes = tf.tile(tf.constant([names]), [tf.shape(scores)[0], 1])
        if settings.mask:
            # The API has no third output to say it.
            classes = row_checks.blank_rows(classes, answers["valid"])
        return {"classes": classes, "scores": scores}

    def expected(answers):
        rows = len(answers["scores"])
        encoded = np.array([name.encode() for name in names], dtype=object)
        return {
            "classes": np.tile(encoded, (rows, 1)),
            "scores": answers["scores"],
        }

    return _of_examples("classify", served, settings, outputs, expected)


def _regress(served, settings):
    output = served.only_output("The signature 'regress'")
    if tuple(output.shape[1:]) not in ((), (1,)):
        raise invalid_argument(
            "signatures",
            "regress",
            f"a model that returns one number for each row. This one returns "
            f"{tuple(output.shape)}",
        )
    settings = dataclasses.replace(settings, classifier=None)
    key = served.output_names[0]

    def outputs(answers):
        numbers = tf.cast(tf.reshape(answers[key], [-1]), tf.float32)
        if settings.mask:
            # Zero would be an answer, and the API has no second output.
            numbers = tf.where(answers["valid"], numbers, np.nan)
        return {"outputs": numbers}

    def expected(answers):
        return {"outputs": answers[key].reshape(-1).astype("float32")}

    return _of_examples("regress", served, settings, outputs, expected)


def _of_examples(method, served, settings, outputs, expected):
    """A signature of the server's older APIs, which read `tf.Example`s."""
    specs = {"inputs": tf.TensorSpec([None], tf.string, "inputs")}
    if image_bytes.takes_images(served):
        inner = _image_bytes(served, settings)
        key = "image_bytes"

        def parse(examples):
            return {key: tf_example.parse_image(examples)}

        def stored(rows):
            return {tf_example.IMAGE_KEY: inner.samples(rows)[key]}
    else:
        inner = _predict(served, settings)
        parse = tf_example.parser(served.input_specs)

        def stored(rows):
            return rows

    def function(tensors):
        examples = row_checks.checked(tensors, specs)["inputs"]
        return outputs(inner.function(parse(examples)))

    def reference(rows):
        tensors = parse(tf.constant(list(rows["inputs"])))
        return expected(inner.reference(_to_numpy(tensors)))

    def samples(rows):
        examples = tf_example.serialize(stored(rows))
        return {"inputs": np.array(examples, dtype=object)}

    return dataclasses.replace(
        inner,
        name=method,
        specs=specs,
        function=function,
        reference=reference,
        samples=samples,
    )


def _core(served, settings):
    """From the model's inputs to numbers: its outputs, or scores."""
    classifier = settings.classifier

    @tf.function
    def core(tensors):
        outputs = {k: _in_float32(x) for k, x in served(tensors).items()}
        if classifier is None:
            return outputs
        (logits,) = outputs.values()
        return {"scores": classifier.scores(logits)}

    return core


def _named(core, settings):
    """The numbers, and the names of the classes if there are any."""
    if settings.classifier is None:
        return core

    def answer(tensors):
        scores = core(tensors)["scores"]
        return {
            "classes": settings.classifier.classes(scores),
            "scores": scores,
        }

    return answer


def _in_float32(tensor):
    is_half = tensor.dtype in (tf.float16, tf.bfloat16)
    return tf.cast(tensor, tf.float32) if is_half else tensor


def _unchanged(rows):
    return rows


def _with_valid(answers, settings):
    if settings.mask:
        rows = len(next(iter(answers.values())))
        answers["valid"] = np.ones(rows, bool)
    return answers


def _guarded(tensors, served, answer, settings):
    tensors = row_checks.checked(tensors, served.input_specs)
    if not settings.mask:
        return answer(row_checks.require_finite(tensors, served.may_be_nan))
    tensors, valid = row_checks.mask_rows(tensors, served.may_be_nan)
    return _blanked(answer(tensors), valid)


def _blanked(outputs, valid):
    blank = {k: row_checks.blank_rows(x, valid) for k, x in outputs.items()}
    return {**blank, "valid": valid}


def _check_valid_is_free(served, settings):
    if settings.mask and "valid" in served.output_names:
        raise ValueError(
            "With on_invalid='mask' the output 'valid' says which rows are; "
            "give the layer of this name in the model another one."
        )


def _reference(served, settings):
    """The answer by the model itself and by NumPy."""

    def reference(rows):
        outputs = served.model(served.packed(_to_tensors(rows)), training=False)
        outputs = keras.tree.flatten(outputs)
        outputs = [keras.ops.convert_to_numpy(x) for x in outputs]
        if settings.classifier is None:
            answers = dict(zip(served.output_names, outputs, strict=True))
        else:
            answers = _classes_of(outputs[0], settings.classifier)
        return _with_valid(answers, settings)

    return reference


def _classes_of(logits, classifier):
    scores = logits.astype("float64")
    if classifier.activation == "softmax":
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        scores = scores / scores.sum(axis=1, keepdims=True)
    if classifier.activation == "sigmoid":
        scores = 1 / (1 + np.exp(-scores))
    if classifier.width == 1:
        scores = np.concatenate([1 - scores, scores], axis=1)
    names = [classifier.class_names[index] for index in scores.argmax(axis=1)]
    classes = np.array([name.encode() for name in names], dtype=object)
    return {"classes": classes, "scores": scores.astype("float32")}


def _to_tensors(rows):
    return {
        name: tf.constant(x.tolist() if x.dtype == object else x)
        for name, x in rows.items()
    }


def _to_numpy(tensors):
    return {name: tensor.numpy() for name, tensor in tensors.items()}
