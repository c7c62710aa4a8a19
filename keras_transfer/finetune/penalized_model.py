"""A training model around the user's, with a penalty on its features."""

import keras

from keras_transfer._public import public
from keras_transfer.training import layer_tree
from keras_transfer.training import model_graph
from keras_transfer.training import recorded_layers


@public("finetune")
class PenalizedModel(keras.Model):
    """Runs a model and adds a penalty to the loss in training.

    Made by `finetune.add_penalty`, whose arguments it takes.

    Attributes:
        model: The user's model, which learns in place.
        penalty: The penalty.
    """

    def __init__(self, model, penalty, features=None, **kwargs):
        super().__init__(**kwargs)
        self.features = features
        self._takes_inputs = False
        # Behind a function, so that Keras does not track them once more.
        found = self._found(model, penalty)
        self._watched = lambda: found
        penalty.start(model)
        self.model = model
        self.penalty = penalty
        # Neither has weights to come.
        penalty.built = True
        self.built = True

    def call(self, inputs, training=None):
        if not training:
            return self.model(inputs)
        with recorded_layers.recorded(self._watched()) as records:
            outputs = self.model(inputs)
        calls = [
            recorded_layers.single_call(layer, calls)
            for layer, calls in zip(self._watched(), records, strict=True)
        ]
        features = [
            call.inputs if self._takes_inputs else call.outputs
            for call in calls
        ]
        self.add_loss(self.penalty(features, inputs))
        return outputs

    def get_config(self):
        return {
            **super().get_config(),
            "model": keras.saving.serialize_keras_object(self.model),
            "penalty": keras.saving.serialize_keras_object(self.penalty),
            "features": self.features,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for key in ("model", "penalty"):
            config[key] = keras.saving.deserialize_keras_object(config[key])
        return cls(**config)

    def _found(self, model, penalty):
        names = penalty.layers
        if names is not None and self.features is not None:
            raise ValueError(
                f"{type(penalty).__name__} says itself which layers it is "
                "for: leave out features=."
            )
        if names is None and self.features is None:
            self._takes_inputs = True
            return [_head(model)]
        if names is None:
            given = self.features
            names = [given] if isinstance(given, str) else list(given)
        return [layer_tree.find_one(model, name, "features") for name in names]


def _head(model):
    nodes = layer_tree.weighted_nodes(model)
    for _, layer in reversed(nodes):
        if isinstance(layer, model_graph.HEADS):
            return layer
    raise ValueError(
        "The model has no dense or convolutional layer, so that its features "
        "are not evident. Pass features= with the name of the layer whose "
        f"output to take, one of {[node.path for node in nodes]}."
    )
