"""Choosing a model without target labels."""

from keras_transfer.selection.information import (
    information_maximization as information_maximization,
)
from keras_transfer.selection.information import (
    information_minus_risk as information_minus_risk,
)
from keras_transfer.selection.reverse_validation import (
    reverse_validation as reverse_validation,
)
