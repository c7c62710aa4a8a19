"""The short names of the terms, as `optimizer="adam"` in Keras."""

import keras

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.alignment.abstract_alignment import AbstractAlignment
from keras_transfer.alignment.correlation import CorrelationAlignment
from keras_transfer.alignment.domain_adversarial import DomainAdversarial
from keras_transfer.alignment.mean_discrepancy import MeanDiscrepancy

NAMES = {
    "dann": DomainAdversarial,
    "dan": MeanDiscrepancy,
    "deep_coral": CorrelationAlignment,
}


def get(identifier):
    """Turns a name, a term or a term's config into a term.

    Args:
        identifier: `"dann"`, `"dan"`, `"deep_coral"`, an `AbstractAlignment`,
            or what Keras' serialization made of one.

    Returns:
        An `AbstractAlignment`.

    Raises:
        ValueError: If there is no such term; with the closest names.

    Example:

    >>> from keras_transfer import alignment
    >>> type(alignment.get("dan")).__name__
    'MeanDiscrepancy'
    """
    if isinstance(identifier, AbstractAlignment):
        return identifier
    if isinstance(identifier, dict):
        return keras.saving.deserialize_keras_object(identifier)
    if isinstance(identifier, str):
        if identifier not in NAMES:
            raise unknown_name("alignment", identifier, NAMES)
        return NAMES[identifier]()
    raise invalid_argument(
        "alignment", identifier, "the name of a term or a term"
    )
