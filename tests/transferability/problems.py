"""Features that know more or less of their labels."""

import numpy as np


def labelled(generator, rows=90, width=6, classes=3, noise=0.5):
    """Class means on different axes plus noise, and the labels."""
    labels = np.arange(rows) % classes
    features = generator.normal(size=(rows, width)) * noise
    features[:, :classes] += np.eye(classes)[labels]
    return features, labels


def rotation(generator, width):
    """A random orthogonal matrix."""
    return np.linalg.qr(generator.normal(size=(width, width)))[0]


def softmax(logits):
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=1, keepdims=True)
