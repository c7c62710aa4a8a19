"""Makes a backbone of one's own a zoo entry."""

import pathlib
import shutil
import tempfile

import keras
import tensorflow as tf
from keras import tree

from keras_transfer._public import invalid_argument
from keras_transfer.layers import ImagePreprocessing
from keras_transfer.zoo import card as cards
from keras_transfer.zoo.card import Card
from keras_transfer.zoo.hub_backbone import HubBackbone


def save(model, folder, card=None):
    """Saves a backbone as a reusable SavedModel with its card.

    `zoo.load(folder)` gives the same features, trainable again, on a machine
    without the code of the model; so does `hub.load`. The batch size is free.
    Weight regularization goes with it; activity regularization and losses
    that layers add do not.

    Args:
        model: A built Functional or Sequential `keras.Model` from inputs to
            features, or a `zoo.HubBackbone`.
        folder: Where it goes; must not exist or be empty.
        card: Facts for the card: a `zoo.Card`, or a dict of some of its
            fields. Shapes, features and parameters are filled in. A model
            that takes images must say what pixels it wants: by a layer
            `ImagePreprocessing` in it, or as `preprocessing` in the card,
            `{"value_range": (0, 255)}` for pixels as they are.

    Returns:
        The `pathlib.Path` of the folder.

    Raises:
        ValueError: If the folder is in use, or the model or the card will
            not do.

    Example:

    >>> import keras, tempfile
    >>> from keras_transfer import zoo
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> with tempfile.TemporaryDirectory() as scratch:
    ...     path = zoo.save(model, scratch + "/mine", {"license": "mit"})
    ...     zoo.load(path).card.features
    2
    """
    folder = pathlib.Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise invalid_argument(
            "folder", str(folder), "a folder that is empty or does not exist"
        )
    if isinstance(model, HubBackbone):
        model = _model_around(model)
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise invalid_argument(
            "model", model, "a built Functional or Sequential keras.Model"
        )
    card = _card(model, folder, card)
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = tempfile.mkdtemp(prefix=".partial_", dir=folder.parent)
    try:
        partial = pathlib.Path(scratch, "saved")
        tf.saved_model.save(_reusable(model), str(partial))
        cards.write(card, partial)
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _reusable(model):
    """The object whose attributes are the reusable SavedModel interface."""
    is_sequential = isinstance(model, keras.Sequential)
    specs = tree.map_structure(
        lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype),
        model.inputs[0] if is_sequential else model.input,
    )

    @tf.function
    def call(inputs, training=False):
        return model(inputs, training=training)

    for training in (False, True):
        call.get_concrete_function(specs, training=training)
    root = tf.train.Checkpoint()
    root.__call__ = call
    root.variables = [v.value for v in model.variables]
    root.trainable_variables = [v.value for v in model.trainable_variables]
    root.regularization_losses = _regularization_losses(model)
    # Keras' variables do not know their layer in their TensorFlow name.
    root.variables_by_path = {v.path: v.value for v in model.variables}
    root.resources = [
        resource
        for resource in tf.train.TrackableView(model).descendants()
        if isinstance(resource, tf.saved_model.experimental.TrackableResource)
    ]
    return root


def _regularization_losses(model):
    losses = [
        _regularization_loss(variable)
        for variable in model.trainable_variables
        if variable.regularizer is not None
    ]
    for layer in model._flatten_layers():
        if isinstance(layer, HubBackbone) and layer.trainable:
            losses += [_traced(loss) for loss in layer.regularization_losses]
    return losses


def _regularization_loss(variable):
    return _traced(lambda: variable.regularizer(variable))


def _traced(loss):
    function = tf.function(loss)
    function.get_concrete_function()
    return function


def _model_around(backbone):
    inputs = tree.map_structure(
        lambda spec: keras.Input(
            batch_shape=spec.shape.as_list(),
            dtype=spec.dtype.name,
            name=spec.name,
        ),
        backbone.input_specs(),
    )
    return keras.Model(inputs, backbone(inputs), name=backbone.name)


def _card(model, folder, given):
    given = given.to_dict() if isinstance(given, Card) else dict(given or {})
    facts = {
        "name": folder.name,
        **_facts_of_backbone(model),
        **_facts_of_graph(model),
        **_pixels(model),
        **given,
        "source": "folder",
        "handle": str(folder),
    }
    is_image = facts.get("input_shape") and len(facts["input_shape"]) == 3
    if is_image and facts["input_shape"][-1] == 3:
        facts.setdefault("task", "image")
        if "preprocessing" not in facts:
            raise invalid_argument(
                "card",
                given,
                "a card that says what pixels the model takes",
                "Add 'preprocessing': {'value_range': (0, 255)} for pixels as "
                "they are, or (0, 1), or the arguments of ImagePreprocessing.",
            )
    return Card.from_dict(facts)


def _facts_of_graph(model):
    facts = {"parameters": model.count_params()}
    if len(model.inputs) == 1:
        facts["input_shape"] = model.inputs[0].shape[1:]
        facts["input_dtype"] = model.inputs[0].dtype
    if len(model.outputs) == 1 and model.outputs[0].shape:
        facts["features"] = model.outputs[0].shape[-1]
    return facts


def _facts_of_backbone(model):
    """What the card of the backbone inside says of the model too."""
    backbones = [x for x in model.layers if isinstance(x, HubBackbone)]
    if len(backbones) != 1 or backbones[0].card is None:
        return {}
    card = backbones[0].card.to_dict()
    kept = ("task", "license", "needed_ops", "citation", "trained_on")
    facts = {key: card[key] for key in kept if key in card}
    if len(model.layers) <= 1 + len(model.inputs):  # nothing but the backbone
        for key in ("preprocessing", "preprocessor"):
            facts |= {key: card[key]} if key in card else {}
    return facts


def _pixels(model):
    """A model that preprocesses itself takes pixels as they are."""
    if any(isinstance(layer, ImagePreprocessing) for layer in model.layers):
        size = model.inputs[0].shape[1:3]
        size = None if None in size else size
        return {"preprocessing": {"size": size, "value_range": (0, 255)}}
    return {}
