"""Joint distribution adaptation."""

import keras
import numpy as np

from keras_transfer._public import checked_integer
from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer.data.feature_rows import class_numbers
from keras_transfer.subspace.component_layer import ComponentLayer
from keras_transfer.subspace.transfer_components import transfer_components


@public("subspace")
class JointDistributionAdaptation(ComponentLayer):
    """Transfer components in which the means of each class agree too.

    Formula, with `X` the rows of both domains, `H` the centring matrix, `M_0`
    the matrix of the maximum mean discrepancy, `M_c` that of the rows of
    class c alone and `r` the regularization:

        X^T H X A = (X^T M X + r I) A diag(eta), largest eta first
        M ~ C M_0 + sum_c M_c, with Frobenius norm 1
        z = x A

    The classes of the target are those that a classifier of the source's `z`
    gives it, in turns with `A`; the first round has none of them. `adapt`
    wants the labels of the source, and reads none of the target.

    Bad at: targets whose shares of the classes differ much, and a start so
    wrong that its pseudo-labels confirm it; more rounds then make it worse.

    Args:
        dimensions: Number of components, 20 where nothing is known; the paper
            takes 100.
        rounds: Number of rounds, the first of which is without classes.
        regularization: Positive number: the paper's lambda, 1 for objects and
            0.1 for digits.
        kernel: `"primal"`, the form above; `"linear"` or `"gaussian"`, which
            put the kernel matrix in the place of `X`.
        bandwidth: Of the Gaussian kernel `exp(-d^2 / (2 bandwidth^2))`;
            `None` is the median distance between rows of both domains.
        classifier: Function without arguments that makes a scikit-learn
            classifier for the pseudo-labels; `None` is 1-nearest-neighbour.
            To load a file, Keras wants it registered.
        unit_length: Whether that classifier sees `z` of unit length, as in
            the authors' code. The outputs are not scaled: follow with
            `keras.layers.UnitNormalization` to classify them likewise.
        whiten: Whether components are scaled to equal variance, as the
            paper's constraint `A^T X^T H X A = I` reads.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Features `(rows, width)`, in the paper of unit length.
        domain: `"target"` or `"source"`; the map is the same.

    Output shape: `(rows, dimensions)`.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> generator = np.random.default_rng(0)
    >>> source, labels = generator.normal(size=(60, 4)), np.arange(60) % 3
    >>> source[np.arange(60), labels] += 5.0
    >>> layer = kt.subspace.JointDistributionAdaptation(2, rounds=3)
    >>> layer.adapt(source, source + 2.0, source_labels=labels)
    >>> layer(source).shape
    TensorShape([60, 2])

    Note: in the paper's eq. 10, `M_0` counts once and `M` is not scaled. As
    written above, and scaled to `A^T (X^T M X + r I) A = I`, are the authors'
    programs, with which their table of digits is reached.

    Reference:

    - [Long et al., 2013, Transfer Feature Learning with Joint Distribution
      Adaptation, eq. 10 and algorithm
      1](https://doi.org/10.1109/ICCV.2013.274)
    """

    def __init__(
        self,
        dimensions=20,
        rounds=10,
        regularization=1.0,
        kernel="primal",
        bandwidth=None,
        classifier=None,
        unit_length=True,
        whiten=False,
        **kwargs,
    ):
        checked_integer("rounds", rounds, least=1)
        if classifier is not None and not callable(classifier):
            raise invalid_argument(
                "classifier",
                classifier,
                "None or a function that makes a classifier",
                "Pass the class, or a function that calls it.",
            )
        super().__init__(
            dimensions, kernel, bandwidth, regularization, whiten, **kwargs
        )
        self.rounds = int(rounds)
        self.classifier = classifier
        self.unit_length = unit_length

    def _components(self, features, num_source, source_labels):
        if source_labels is None:
            raise invalid_argument(
                "source_labels",
                None,
                "the labels of the source",
                "Call adapt(source, target, source_labels).",
            )
        labels, counts = class_numbers(source_labels, num_source)
        centred = features - features.mean(axis=0)
        scatter = centred.T @ centred
        guesses = None
        for left in reversed(range(self.rounds)):
            contrasts = _contrasts(
                labels, guesses, len(features) - num_source, len(counts)
            )
            columns, scatters = transfer_components(
                scatter,
                features.T @ contrasts,
                self.regularization,
                self.dimensions,
            )
            if left:
                found = features @ columns
                if self.whiten:
                    found = found / np.sqrt(scatters)
                guesses = self._guesses(found, labels)
        return columns, scatters

    def get_config(self):
        return {
            **super().get_config(),
            "rounds": self.rounds,
            "classifier": keras.saving.serialize_keras_object(self.classifier),
            "unit_length": self.unit_length,
        }

    @classmethod
    def from_config(cls, config):
        classifier = keras.saving.deserialize_keras_object(config["classifier"])
        return super().from_config({**config, "classifier": classifier})

    def _guesses(self, components, labels):
        """Classes of the target's rows by a classifier of the source's."""
        if self.unit_length:
            lengths = np.linalg.norm(components, axis=1, keepdims=True)
            components = components / np.where(lengths > 0, lengths, 1.0)
        classifier = (self.classifier or _nearest_neighbour)()
        classifier.fit(components[: len(labels)], labels)
        return classifier.predict(components[len(labels) :])


def _nearest_neighbour():
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(n_neighbors=1)


def _contrasts(labels, guesses, num_target, num_classes):
    """E with `M = E E^T`: a column for all rows and one for each class.

    A class without guesses has no mean in the target: the column then holds
    that of the source, as in the authors' programs.
    """
    num_source = len(labels)
    whole = np.concatenate(
        [
            np.full(num_source, 1 / num_source),
            np.full(num_target, -1 / num_target),
        ]
    )
    columns = [np.sqrt(num_classes) * whole]
    if guesses is not None:
        for number in range(num_classes):
            here, there = labels == number, guesses == number
            columns.append(
                np.concatenate(
                    [
                        here / here.sum(),
                        there / -max(there.sum(), 1),
                    ]
                )
            )
    contrasts = np.stack(columns, axis=1)
    return contrasts / np.sqrt(np.linalg.norm(contrasts.T @ contrasts))
