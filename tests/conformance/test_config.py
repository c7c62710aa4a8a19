"""Every object can be made again from its config."""

import inspect

import keras
import numpy as np

from keras_transfer import schedules
from tests.conformance.descriptors import of_kind
from tests.helpers import to_numpy

CONFIGURED = (
    "layer",
    "term",
    "loss",
    "schedule",
    "learning_rate",
    "trainer",
)


@of_kind(*CONFIGURED)
def test_every_argument_is_in_the_config(descriptor):
    created = descriptor.create()
    parameters = inspect.signature(type(created).__init__).parameters.values()
    named = {
        p.name
        for p in parameters
        if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    }
    missing = named - {"self"} - set(created.get_config())
    assert not missing, (
        f"{sorted(missing)} are arguments of {descriptor.name} and not in "
        "get_config(): they would be lost in saving. Add them there."
    )


@of_kind(*CONFIGURED)
def test_every_argument_is_an_attribute(descriptor):
    created = descriptor.create()
    parameters = inspect.signature(type(created).__init__).parameters.values()
    missing = [
        p.name
        for p in parameters
        if p.name != "self"
        and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        and not hasattr(created, p.name)
    ]
    assert not missing, (
        f"{missing} are arguments of {descriptor.name} and not attributes of "
        "the same name."
    )


@of_kind(*CONFIGURED)
def test_config_survives_a_round_trip(descriptor):
    created = descriptor.create()
    copy = type(created).from_config(created.get_config())
    assert _plain(copy.get_config()) == _plain(created.get_config())


@of_kind(*CONFIGURED)
def test_serialization_finds_the_class_by_its_registered_name(descriptor):
    created = descriptor.create()
    serialized = keras.saving.serialize_keras_object(created)
    package, name = serialized["registered_name"].split(">")
    assert package == "keras_transfer"
    assert name.split(".")[-1] == type(created).__name__
    revived = keras.saving.deserialize_keras_object(serialized, safe_mode=False)
    assert type(revived) is type(created)


@of_kind(*CONFIGURED)
def test_copy_gives_the_same_values(descriptor):
    created = descriptor.create()
    before = descriptor.call(created, *descriptor.inputs)
    copy = type(created).from_config(created.get_config())
    descriptor.call(copy, *descriptor.inputs)  # builds
    if isinstance(created, keras.layers.Layer):
        copy.set_weights(created.get_weights())
    after = descriptor.call(copy, *descriptor.inputs)
    np.testing.assert_array_equal(to_numpy(before), to_numpy(after))


def _plain(config):
    """A config in which schedules and losses can be compared."""
    return keras.tree.map_structure(
        lambda x: schedules.serialize(x) if not isinstance(x, str) else x,
        keras.saving.serialize_keras_object(config),
    )
