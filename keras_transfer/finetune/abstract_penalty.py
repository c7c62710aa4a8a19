"""What a penalty on features implements."""

import abc

import keras


class AbstractPenalty(keras.layers.Layer, abc.ABC):
    """A scalar that is added to the loss in training.

    A layer, so that what it owns is saved with the training model. A new one
    implements `call` and `get_config`, and is decorated with
    `@public("finetune")`.
    """

    #: Names of the layers whose outputs it wants, or `None` for the features
    #: that `add_penalty` is told of.
    layers = None

    def start(self, model):
        """Takes from the model, before training, what is needed of it."""

    @abc.abstractmethod
    def call(self, features, inputs):
        """The value for a batch.

        Args:
            features: List of tensors, one for each layer.
            inputs: What the model was called with.

        Returns:
            Scalar, weighted.
        """
