"""Trainers that adapt a model to a new domain."""

from keras_transfer.adaptation.domain_adaptation import (
    DomainAdaptation as DomainAdaptation,
)
