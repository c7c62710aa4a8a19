"""Representations of two domains."""

from keras_transfer.alignment import Representation
from tests import helpers


def representation(*features):
    """A representation with these features and nothing else."""
    return Representation(features=features)


def two(generator, rows=12, target_rows=9, width=5):
    """A source and a target with one layer of features."""
    source, target = helpers.two_domains(generator, rows, target_rows, width)
    return representation(source), representation(target)
