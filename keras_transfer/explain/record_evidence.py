"""Looks at a trained model once, for every report to come."""

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from keras_transfer._public import invalid_argument
from keras_transfer.adaptation import feature_tap
from keras_transfer.data.domain_dataset import DomainDataset
from keras_transfer.data.model_outputs import num_rows
from keras_transfer.data.model_outputs import plain_model
from keras_transfer.explain import evidence
from keras_transfer.explain.predictions import check_range
from keras_transfer.explain.predictions import probabilities_of
from keras_transfer.explain.row_sample import RowSample
from keras_transfer.transferability.inputs import true_classes

#: Rows of a domain whose probabilities are kept.
MOST_ROWS = 10_000
BATCH_SIZE = 256


def record_evidence(
    folder,
    model,
    source,
    target,
    features=None,
    class_names=None,
    rows=500,
    images=8,
    seed=0,
):
    """Writes what a report draws of a model into its run folder.

    `evidence.npz` holds, of both domains: labels and class probabilities of
    up to 10 000 rows, features of some of them, a few images, and where the
    model looks on these (Grad-CAM, with tf-keras-vis installed). The rows are
    drawn without replacement, by the seed, and are the same for every model
    that is shown the same data in the same order. No pickles.

    What cannot be had (features of a model whose graph does not show them,
    maps of a model without a spatial layer) is left out, and the file says so.

    Bad at: models that are no classifiers. Rows of source and target that were
    trained on say little: give held-out ones.

    Args:
        folder: The run folder, as of `callbacks.RunLog`; made if missing.
        model: A built model with one output, logits or probabilities of shape
            `(rows, num_classes)`, or a trainer of this package.
        source: `(x, y)`, arrays, or x a dataset of batches in the order of y;
            or a `data.DomainDataset`. `None` where there is one domain only,
            as in fine-tuning: its held-out rows are the target then.
        target: Likewise, or x alone where there are no labels.
        features: Name of the layer, or several, whose outputs are the
            features; by default the input of the last dense or convolutional
            layer.
        class_names: Texts in the order of the classes.
        rows: Number of rows of each domain whose features are kept.
        images: Number of images of each domain; 0 for none.
        seed: Integer, of the draw.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        ValueError: If labels are no class numbers or of another length, a
            layer is unknown, or the outputs are not one row of scores each.

    Example:

    >>> import tempfile
    >>> import keras, numpy as np
    >>> from keras_transfer import explain
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> x, y = np.random.rand(20, 3), np.arange(20) % 2
    >>> path = explain.record_evidence(tempfile.mkdtemp(), model, (x, y), x)
    >>> sorted(np.load(path).files)[:3]
    ['notes', 'schema', 'source_feature_rows']
    """
    for name, number, least in (("rows", rows, 2), ("images", images, 0)):
        if not isinstance(number, int) or number < least:
            raise invalid_argument(name, number, f"an integer from {least}")
    given = {"target": _pair(target)}
    if source is not None:
        given = {"source": _pair(source), **given}
        if given["source"][1] is None:
            raise invalid_argument(
                "source", "inputs alone", "(x, y), with the source's labels"
            )
    model = plain_model(model)
    notes = []
    runner = _runner(model, features, notes)
    sizes = {"features": rows, "images": images}
    domains = {}
    for domain, (x, labels) in given.items():
        seen = _look(runner, x, sizes, np.random.default_rng(seed))
        domains[domain] = _evidence(domain, seen, labels, notes)
    if images:
        domains = _with_maps(model, domains, notes)
    _check_class_names(class_names, domains["target"])
    return evidence.write(
        folder,
        evidence.Evidence(
            **{"source": evidence.DomainEvidence(), **domains},
            class_names=None if class_names is None else tuple(class_names),
            notes=tuple(notes),
        ),
    )


def _pair(domain):
    """Inputs, or a dataset of batches of them, and labels or `None`."""
    if isinstance(domain, DomainDataset):
        return domain.dataset.batch(BATCH_SIZE), domain.labels()
    return domain if isinstance(domain, tuple) else (domain, None)


def _runner(model, features, notes):
    """A function from a batch to `(features or None, outputs)`."""
    try:
        tap = feature_tap.tap(model, features)
    except ValueError as error:
        if features is not None:
            raise
        notes.append(f"No features: {error}")
        return tf.function(
            lambda batch: (None, model(batch, training=False)),
            reduce_retracing=True,
        )

    def run(batch):
        found, outputs = tap(batch, training=False)
        return keras.ops.concatenate(found, axis=-1), outputs

    # A tap that watches a subclassed model cannot be traced.
    if isinstance(tap, feature_tap.GraphTap):
        return tf.function(run, reduce_retracing=True)
    return run


def _look(runner, x, sizes, generator):
    """Runs the model over the data once; returns samples by their name."""
    samples = {"outputs": RowSample(MOST_ROWS)}
    samples |= {name: RowSample(size) for name, size in sizes.items() if size}
    first = 0
    for batch in _batches(x):
        found, outputs = runner(tree.map_structure(tf.convert_to_tensor, batch))
        if tree.is_nested(outputs) or len(outputs.shape) != 2:
            raise ValueError(
                "record_evidence needs a classifier: one output of shape "
                "(rows, num_classes). Received outputs of shape "
                f"{tree.map_structure(lambda t: tuple(t.shape), outputs)}."
            )
        # One draw for all, so that what is kept of fewer rows is part of
        # what is kept of more.
        priorities = generator.random(len(outputs))
        values = {"outputs": _float32(outputs)}
        if found is not None:
            values["features"] = _float32(found)
        if _is_images(batch):
            values["images"] = np.asarray(batch)
        for name, value in values.items():
            if name in samples:
                samples[name].add(priorities, first, value)
        first += len(outputs)
    if not first:
        raise ValueError("There is no row of data. Expected at least one.")
    return samples, first


def _batches(x):
    """Batches of inputs, of a dataset without its labels."""
    if isinstance(x, tf.data.Dataset):
        for batch in x:
            yield batch[0] if isinstance(batch, tuple) else batch
        return
    for start in range(0, num_rows(x), BATCH_SIZE):
        rows = slice(start, start + BATCH_SIZE)
        yield tree.map_structure(lambda leaf, rows=rows: leaf[rows], x)


def _is_images(batch):
    if tree.is_nested(batch):
        return False
    return len(batch.shape) == 4 and batch.shape[-1] in (1, 3)


def _float32(tensor):
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))


def _evidence(domain, seen, labels, notes):
    samples, total = seen
    outputs = samples["outputs"]
    found = {}
    if np.isfinite(outputs.values).all():
        rows = probabilities_of(outputs.values)
        found["probabilities"] = rows.astype("float32")
    else:
        notes.append(f"The {domain} outputs are not finite: training diverged.")
    if labels is not None:
        labels = _class_numbers(domain, labels, total, outputs.values.shape[1])
        found["labels"] = labels[outputs.rows]
    for name in ("features", "images"):
        sample = samples.get(name)
        if sample is None or sample.values is None:
            continue
        if name == "features" and not np.isfinite(sample.values).all():
            continue
        is_kept = np.isin(sample.rows, outputs.rows)
        found[name] = sample.values[is_kept]
        place = np.searchsorted(outputs.rows, sample.rows[is_kept])
        found[f"{name.removesuffix('s')}_rows"] = place
    return evidence.DomainEvidence(**found)


def _class_numbers(domain, labels, rows, width):
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] > 1:
        labels = labels.argmax(axis=1)  # one-hot
    labels = true_classes(labels, rows, f"{domain} labels")
    check_range(labels, max(width, 2))
    return labels


def _check_class_names(class_names, seen):
    if class_names is None or seen.probabilities is None:
        return
    expected = seen.probabilities.shape[1]
    if len(class_names) != expected:
        raise invalid_argument(
            "class_names", list(class_names), f"{expected} names"
        )


def _with_maps(model, domains, notes):
    """Adds where the model looks, if there are images."""
    if any(domain.images is None for domain in domains.values()):
        return domains
    pictured = {}
    for name, domain in domains.items():
        maps = _maps(model, domain.images, notes)
        pictured[name] = evidence.DomainEvidence(
            **{
                **vars(domain),
                "images": _as_pixels(domain.images),
                "maps": maps,
            }
        )
    return pictured


def _maps(model, images, notes):
    try:
        from keras_transfer.explain.grad_cam import grad_cam

        return np.asarray(grad_cam(model, images), "float32")
    except (ImportError, ValueError) as error:
        note = f"No Grad-CAM: {error}"
        if note not in notes:
            notes.append(note)
        return None


def _as_pixels(images):
    """Images as uint8, whatever the model takes them as."""
    if images.dtype == np.uint8:
        return images
    images = images.astype("float32")
    low, high = images.min(), images.max()
    if low < 0 or high <= 1:
        images = (images - low) / max(high - low, 1e-12) * 255
    return np.clip(np.rint(images), 0, 255).astype("uint8")
