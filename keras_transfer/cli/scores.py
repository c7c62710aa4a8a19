"""What a classifier comes to."""

import keras


def probabilities(model, images, **sizes):
    """Class probabilities of a model that returns logits.

    Args:
        model: A `keras.Model`.
        images: Array of rows, or a dataset of batches.
        **sizes: `batch_size`, for arrays.

    Returns:
        Array `(rows, classes)`.
    """
    logits = model.predict(images, verbose=0, **sizes)
    return keras.ops.convert_to_numpy(keras.ops.softmax(logits))


def accuracy(probabilities, labels):
    """Share of rows whose most probable class is right."""
    return float((probabilities.argmax(axis=1) == labels).mean())
