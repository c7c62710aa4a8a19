"""Exports a plain model as the next version of a served model."""

import dataclasses

from keras_transfer._public import invalid_argument
from keras_transfer.export import image_bytes
from keras_transfer.export import precision as precisions
from keras_transfer.export import publication
from keras_transfer.export import samples as sample_rows
from keras_transfer.export import signatures as all_signatures
from keras_transfer.export.classifier import Classifier
from keras_transfer.export.served_model import ServedModel

ON_INVALID = ("error", "mask")


def save(
    model,
    folder,
    *,
    class_names=None,
    signatures=("predict",),
    default_signature="predict",
    activation="auto",
    features=None,
    on_invalid="error",
    max_pixels=image_bytes.MAX_PIXELS,
    samples=None,
    tolerance=None,
    batching=None,
    precision="float32",
    tpu_batch_sizes=(),
    card=None,
):
    """Exports a model as `folder/VERSION`, tried out before it is published.

    The layout of TF Serving: versions are integers, and the new one is one
    above the highest. It is written whole in a hidden folder, loaded there by
    other processes as a server does (without Keras and without this package),
    and compared with the model in memory; then it is renamed, so that a
    server never sees half of it, nor one that answers differently.

    Signatures:

    - `"predict"`: the model's inputs by their names; the outputs by the names
      of their layers, or with `class_names` the strings `classes` `(B,)` and
      `scores` `(B, K)` in the order of the labels.
    - `"image_bytes"`: JPEG and PNG files of any size, `(B,)`; same outputs.
    - `"features"`: the same inputs; `features` `(B, d)`.
    - `"classify"`, `"regress"`: serialized `tf.Example`s `inputs` `(B,)`, for
      the server's older APIs. Features are named as the inputs; images are in
      `image/encoded`.

    The batch is free, and a row's answer depends on that row only. Rows of a
    wrong shape, with NaN, no rows at all, undecodable files are refused by
    the graph itself, since the server hardly checks. Inputs that a
    `TablePreparation` takes may be NaN, which is a missing value there.

    Args:
        model: A built Functional or Sequential `keras.Model`; for a trainer
            of this package pass its `.model`.
        folder: Base folder of the served model, made if it does not exist.
        class_names: Names in the order of the labels.
        signatures: Names of signatures, of the list above.
        default_signature: Which of them is `serving_default` too.
        activation: What makes scores of the outputs when there are class
            names: `"softmax"`, `"sigmoid"`, `None`, or `"auto"` to add what
            the last layer lacks.
        features: Layer or layers for the signature `"features"`; by default
            the input of the last dense or convolutional layer.
        on_invalid: `"error"` refuses a request that holds a bad row.
            `"mask"` answers it with a boolean `valid` `(B,)`, class `""` and
            zeros in bad rows, so that in a batch of several clients one does
            not fail the others.
        max_pixels: Largest image that is decoded, told by its header.
        samples: A few real rows to try with: an array, or a dict by input
            name. By default random ones.
        tolerance: Largest difference to the model that is accepted, relative
            to the largest number of an output; by default 1e-5, and more for
            other precisions.
        batching: Most rows that the server may put into one batch, or `None`
            for no batching file, the default with `on_invalid="error"`; 32
            with `"mask"`.
        precision: `"float32"`; `"bfloat16"` or `"float16"` to compute in half
            precision (weights stay float32); `"int8"` for 8-bit weights of
            dense and embedding layers. The report says how far the answers
            are from those of the model.
        tpu_batch_sizes: Batch sizes to compile for on a TPU, as `(1, 8)`. The
            version then has a second graph with the tags `serve` and `tpu`,
            and the report says which signatures XLA compiles.
        card: Dict of facts for the model card, as `{"training_data": ...,
            "metrics": {...}}`.

    Returns:
        A `Report`, which is also the path of the version.

    Raises:
        ValueError: If the model cannot be exported so.
        VerificationError: If the export answers otherwise than the model, a
            row's answer depends on others, or bad rows are answered. Nothing
            is published then.
        OSError: If the folder cannot be written.

    Example:

    >>> import keras, tempfile
    >>> import keras_transfer as kt
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = kt.export.save(model, folder, class_names=["no", "yes"])
    >>> report.path.name, report.passed, report.largest_difference < 1e-5
    ('1', True, True)
    """
    publication.check_base(folder)
    batching = _batching(on_invalid, batching)
    served = ServedModel(model)
    settings = _settings(
        served, class_names, activation, features, on_invalid, max_pixels
    )
    facts = _facts(card, served, settings, precision)
    variant = precisions.variant(served, precision)
    made = _signatures(signatures, default_signature, served, settings, variant)
    return publication.publish(
        folder,
        variant,
        made,
        _rows(served, made, samples),
        default=default_signature,
        facts=facts,
        class_names=settings.class_names,
        tolerance=_tolerance(tolerance, precision),
        same_class=precision == "float32",
        batching=batching,
        tpu_batch_sizes=tpu_batch_sizes,
    )


def _signatures(names, default, served, settings, variant):
    names = [names] if isinstance(names, str) else list(names)
    if not names:
        raise invalid_argument(
            "signatures", names, f"some of {all_signatures.NAMES}"
        )
    if default not in names:
        raise invalid_argument(
            "default_signature", default, f"one of the signatures {names}"
        )
    made = {n: all_signatures.make(n, variant, settings) for n in names}
    if variant is served:
        return made
    # Answers of another precision are compared with those of the model.
    exact = {n: all_signatures.make(n, served, settings) for n in names}
    return {
        name: dataclasses.replace(signature, reference=exact[name].reference)
        for name, signature in made.items()
    }


def _rows(served, made, samples):
    """What each signature is tried with."""
    rows = sample_rows.for_model(served, samples)
    return {name: signature.samples(rows) for name, signature in made.items()}


def _settings(
    served, class_names, activation, features, on_invalid, max_pixels
):
    return all_signatures.Settings(
        classifier=_classifier(served, class_names, activation),
        features=[features] if isinstance(features, str) else features,
        mask=on_invalid == "mask",
        max_pixels=max_pixels,
    )


def _classifier(served, class_names, activation):
    if class_names is None:
        return None
    return Classifier(
        served.only_output("Class names"), class_names, activation
    )


def _batching(on_invalid, batching):
    if on_invalid not in ON_INVALID:
        raise invalid_argument("on_invalid", on_invalid, f"one of {ON_INVALID}")
    if on_invalid == "error" and batching is not None:
        raise invalid_argument(
            "batching",
            batching,
            "None with on_invalid='error'",
            "One client's bad row would fail all others in its batch; pass "
            "on_invalid='mask'.",
        )
    if batching is not None and (not isinstance(batching, int) or batching < 1):
        raise invalid_argument("batching", batching, "a positive integer")
    return 32 if on_invalid == "mask" and batching is None else batching


def _tolerance(tolerance, precision):
    return precisions.TOLERANCES[precision] if tolerance is None else tolerance


def _facts(card, served, settings, precision):
    if card is not None and not isinstance(card, dict):
        raise invalid_argument("card", card, "a dict of facts")
    facts = {
        **(card or {}),
        "precision": precision,
        "on_invalid": "mask" if settings.mask else "error",
    }
    if settings.classifier is not None:
        facts["class_names"] = settings.classifier.class_names
        facts["activation"] = settings.classifier.activation
    if image_bytes.takes_images(served):
        rule = image_bytes.resize_rule(served)
        facts["images"] = image_bytes.facts(rule, settings.max_pixels)
    return facts
