"""A TF-Hub SavedModel as a Keras 3 layer."""

import keras
import tensorflow as tf
from keras import tree

from keras_transfer import layers
from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer.layers.opaque import OpaqueLayer
from keras_transfer.zoo import locate
from keras_transfer.zoo import packing
from keras_transfer.zoo import safety
from keras_transfer.zoo import saved_model
from keras_transfer.zoo import trainable_variables


@public("zoo")
class HubBackbone(OpaqueLayer):
    """A SavedModel in the reusable interface, as a layer that can be trained.

    Works in Sequential, Functional and subclassed models, with every
    optimizer, in `.keras` files, in exports and under mixed precision (the
    graph itself computes in its own precision). The layer adopts the
    variables of the SavedModel; there is no copy.

    While the layer is frozen the graph runs in inference mode: batch-norm
    statistics stand still and dropout is off. One flag serves the whole graph.
    Regularization losses of the SavedModel are added while the layer is
    trainable.

    A SavedModel is a program. A `.keras` file that holds this layer is
    therefore loaded with `safe_mode=False` only. The file holds the weights;
    the graph is found again by the handle, or is in the file with
    `packed=True`. `keras.models.clone_model` gives the weights of the zoo
    again, not the trained ones: follow it by `set_weights`.

    Bad at: what needs to look inside, as LoRA, MAML's inner loop or
    `batch_norm="separate"`; they work on what stands on top of it. String
    inputs are not compiled by XLA.

    Args:
        handle: URL, Kaggle handle, folder, archive or name of a card; see
            `zoo.resolve`.
        trainable: Boolean, whether the variables learn.
        trainable_variables_matching: Wildcard pattern, or a list of them, for
            the variables that may learn, as `"block_1[3-6]*"`; matched
            against the whole name in the SavedModel (see `named_variables`)
            and against its part behind any `/`. The others stay frozen, also
            when the layer is unfrozen later. The graph runs in inference mode
            then, for the statistics of a frozen batch norm must not move.
        batch_norm_training: With a pattern, whether to run the graph in
            training mode all the same, batch-norm statistics included.
        arguments: Dict of keyword arguments for the SavedModel, plain values,
            as `{"batch_norm_momentum": 0.997}`.
        output_key: Key or index of one output, if it returns several.
            `zoo.load` of a name takes the one on the card.
        signature: Name of a signature, for a SavedModel without the reusable
            interface. It cannot be trained.
        preprocessing: Layer that makes the inputs. By default that of the
            card; without a card, images become floats from 0 to 1, the
            convention of TF-Hub, and other inputs are taken as they are.
        packed: Whether a `.keras` file carries the SavedModel.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: What the SavedModel takes: a tensor, list or dict. Numbers of
            another precision are cast.
        training: Boolean.

    Attributes:
        card: The `zoo.Card`, or `None`.
        named_variables: Dict from the names in the SavedModel to the
            variables, in its order.

    Raises:
        ValueError: If there is no such SavedModel, if it cannot be called, or
            if an argument contradicts it.
        ImportError: If it needs operations of a package that is missing.

    Example:

    >>> import keras, numpy as np, tempfile
    >>> import keras_transfer as kt
    >>> features = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = kt.zoo.save(features, folder.name + "/features")
    >>> backbone = kt.zoo.HubBackbone(path, trainable=True)
    >>> model = keras.Sequential([keras.Input((4,)), backbone])
    >>> model.output_shape, len(model.trainable_variables)
    ((None, 2), 2)
    >>> folder.cleanup()

    Reference:

    - [Reusable SavedModels](https://www.tensorflow.org/hub/reusable_saved_models)
    """

    def __init__(
        self,
        handle,
        trainable=False,
        trainable_variables_matching=None,
        batch_norm_training=False,
        arguments=None,
        output_key=None,
        signature=None,
        preprocessing=None,
        packed=False,
        **kwargs,
    ):
        handle, folder, card = locate.locate(handle)
        loaded = saved_model.load(
            folder, signature, card.needed_ops if card else ()
        )
        trained = trainable_variables.trained_names(
            loaded.variables, trainable_variables_matching
        )
        trainable_variables.check_trainable(trainable, trained, signature, card)
        # The graph has its own precision; inputs are cast to that in `call`.
        kwargs.setdefault("autocast", False)
        super().__init__(trainable=trainable, **kwargs)
        _check_precision(self.compute_dtype)
        self.handle = handle
        self.trainable_variables_matching = trainable_variables_matching
        self.batch_norm_training = batch_norm_training
        self.arguments = dict(arguments or {})
        self.output_key = output_key
        self.signature = signature
        self.packed = packed
        self.card = card
        # Held by a plain object: it is no part of what this layer computes,
        # and the model tracks it where it is called.
        self._beside = _Beside(preprocessing)
        self.supports_jit = not loaded.needs_host()
        self._folder = folder
        self._loaded = loaded
        self._root = loaded.root  # tracked: an export needs its tables
        self._adopt(trained)
        self.built = True

    @property
    def preprocessing(self):
        """The layer that makes the inputs, `backbone.preprocessing(x)`."""
        if self._beside.made is None:
            self._beside.made = _preprocessing(self._loaded, self.card)
        return self._beside.made

    @property
    def named_variables(self):
        """Dict from the names in the SavedModel to the variables."""
        names = [variable.name for variable in self._loaded.variables]
        return dict(zip(names, self._adopted, strict=True))

    @property
    def regularization_losses(self):
        """Functions without arguments, from the SavedModel, to scalars."""
        return self._loaded.regularization_losses

    def input_specs(self):
        """A structure of `tf.TensorSpec`: what the SavedModel takes."""
        return self._loaded.input_specs()

    def call(self, inputs, training=None):
        self._check_variables()
        outputs = self._run(inputs, training)
        if self.trainable:
            for loss in self.regularization_losses:
                self.add_loss(loss())
        return outputs

    def compute_output_spec(self, inputs, training=None):
        specs = tree.map_structure(
            lambda x: tf.TensorSpec(x.shape, x.dtype), inputs
        )
        # Keras' own way makes placeholders, which strings do not survive.
        # Autograph would take longer than the trace, and has nothing to do.
        run = tf.function(lambda x: self._run(x, False), autograph=False)
        outputs = run.get_concrete_function(specs).structured_outputs
        return tree.map_structure(self._spec_of, outputs)

    def save_own_variables(self, store):
        # Numbered as in the SavedModel: a pattern must not change the order.
        for index, variable in enumerate(self._adopted):
            store[str(index)] = variable.numpy()

    def load_own_variables(self, store):
        if len(store.keys()) != len(self._adopted):
            raise ValueError(
                f"The file has {len(store.keys())} variables for the layer "
                f"{self.name!r}, and the SavedModel behind {self.handle!r} "
                f"has {len(self._adopted)}. Load it with the same version."
            )
        for index, variable in enumerate(self._adopted):
            variable.assign(store[str(index)])

    def get_config(self):
        config = {
            **super().get_config(),
            "handle": self.handle,
            "trainable_variables_matching": self.trainable_variables_matching,
            "batch_norm_training": self.batch_norm_training,
            "arguments": dict(self.arguments),
            "output_key": self.output_key,
            "signature": self.signature,
            "preprocessing": keras.saving.serialize_keras_object(
                self._beside.given
            ),
            "packed": self.packed,
        }
        if self.packed:
            config["archive"] = packing.pack(self._folder, self.card)
        return config

    @classmethod
    def from_config(cls, config):
        safety.refuse_in_safe_mode("HubBackbone")
        config = dict(config)
        archive = config.pop("archive", None)
        if archive is not None:
            config["handle"] = str(packing.unpack(archive))
        config["preprocessing"] = keras.saving.deserialize_keras_object(
            config["preprocessing"]
        )
        return cls(**config)

    def _run(self, inputs, training):
        arguments = dict(self.arguments)
        if self._loaded.takes_training:
            arguments["training"] = self._in_training_mode(training)
        inputs = self._loaded.cast(inputs)
        try:
            outputs = self._loaded.function(inputs, **arguments)
        except ValueError as error:
            if "matching concrete function" not in str(error):
                raise
            raise self._wrong_inputs(inputs, arguments) from error
        return tree.map_structure(self._in_own_dtype, self._selected(outputs))

    def _in_training_mode(self, training):
        learns_whole = self.trainable_variables_matching is None
        return (
            bool(training)
            and self.trainable
            and (learns_whole or self.batch_norm_training)
        )

    def _selected(self, outputs):
        key = self.output_key
        if key is None:
            return outputs
        is_dict = isinstance(outputs, dict)
        if not is_dict and not isinstance(outputs, (list, tuple)):
            raise invalid_argument(
                "output_key", key, "None for a single output"
            )
        keys = list(outputs) if is_dict else list(range(len(outputs)))
        if key not in keys:
            raise invalid_argument("output_key", key, f"one of {keys}")
        return outputs[key]

    def _in_own_dtype(self, tensor):
        if tensor.dtype.is_floating:
            return tf.cast(tensor, self.compute_dtype)
        return tensor

    def _spec_of(self, spec):
        features = self.card.features if self.card else None
        shape = spec.shape
        if shape.rank is None:
            shape = tf.TensorShape([None, None])
        if features is not None and shape.rank > 0 and shape[-1] is None:
            shape = shape[:-1].concatenate(features)
        return keras.KerasTensor(shape.as_list(), spec.dtype.name)

    def _adopt(self, trained):
        with keras.name_scope(self.name):
            self._adopted = [
                keras.Variable(
                    value,
                    dtype=value.dtype.name,
                    trainable=trainable and name in trained,
                    autocast=False,
                    name=name.replace("/", "_"),  # Keras takes no slash
                )
                for name, value, trainable in self._loaded.variables
            ]
        # Tracked as what they are, then frozen as Keras freezes them.
        for variable in self._adopted:
            variable.trainable = variable.trainable and self.trainable

    def _check_variables(self):
        """Refuses to run with other values in the place of its variables."""
        own = self._loaded.variables
        for variable, (name, value, _) in zip(self._adopted, own, strict=True):
            if variable.value is not value:
                raise ValueError(
                    f"The layer {self.name!r} is a SavedModel, whose graph "
                    "reads its own variables: they cannot be replaced for a "
                    f"call (here {name!r}). Inner loops and adapters work on "
                    "the layers on top of it only."
                )

    def _wrong_inputs(self, inputs, arguments):
        received = tree.map_structure(
            lambda x: f"{x.dtype.name}{tuple(x.shape)}", inputs
        )
        signatures = [
            f.structured_input_signature
            for f in self._loaded.concrete_functions
        ]
        return ValueError(
            f"The SavedModel behind {self.handle!r} takes inputs and "
            f"arguments as one of {signatures}. Received: inputs {received}, "
            f"arguments {arguments}."
        )


class _Beside:
    """The preprocessing that was given, and the one that is used."""

    def __init__(self, given):
        self.given = given
        self.made = given


def _check_precision(dtype):
    if dtype == "string":  # as hub.KerasLayer was told of strings
        hint = "Strings belong to keras.Input((), dtype='string')."
        raise invalid_argument("dtype", dtype, "a precision", hint)


def _preprocessing(loaded, card):
    if card is not None and card.preprocessing is not None:
        return layers.ImagePreprocessing(**card.preprocessing)
    if card is not None and card.preprocessor is not None:
        return HubBackbone(card.preprocessor)
    size = loaded.image_size()
    if size is None:
        return keras.layers.Identity()
    return layers.ImagePreprocessing(None if None in size else size)
