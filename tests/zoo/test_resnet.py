"""Residual networks compute what torchvision's compute.

Here against a NumPy twin, from a file that is written by hand; against
PyTorch itself in tests/finetune/test_torch_forward.py.
"""

import keras
import numpy as np
import pytest

from keras_transfer import zoo
from keras_transfer.layers.image_preprocessing import ImagePreprocessing
from tests.finetune import torch_twins
from tests.finetune.checkpoints import torch_bytes
from tests.zoo import resnet_twin

#: Of torchvision's networks with 1000 classes, as its documentation says.
PARAMETERS = {
    18: 11_689_512,
    34: 21_797_672,
    50: 25_557_032,
    101: 44_549_160,
    152: 60_192_808,
}
SMALL = {"input_shape": (33, 40, 3)}


def _write(path, state):
    entries, blocks = {}, {}
    for key, (name, array) in enumerate(state.items()):
        dtype = "int64" if array.dtype.kind == "i" else "float32"
        block = torch_bytes.storage(str(key), dtype, array.size)
        entries[f"module.{name}"] = torch_bytes.tensor(block, array.shape)
        blocks[str(key)] = array.astype(dtype).tobytes()
    return torch_bytes.write_zip(path, torch_bytes.ordered(entries), blocks)


@pytest.mark.parametrize("depth", [18, 50])
def test_the_forward_pass(depth, tmp_path, generator):
    state = resnet_twin.state_dict(depth, generator)
    images = generator.normal(size=(2, 3, 33, 40))
    expected = resnet_twin.forward(depth, state, images)
    # Outputs of the size of 1, so that a difference means something.
    for name in ("fc.weight", "fc.bias"):
        state[name] /= expected.std()
    expected /= expected.std()
    path = _write(tmp_path / "net.pth", state)
    make = {18: zoo.resnet18, 50: zoo.resnet50}[depth]
    model = make(classes=10, weights=path, **SMALL)
    found = model(torch_twins.channels_last(images), training=False)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_twin_tells_padding_and_epsilon_apart(generator):
    # Else the test above could not fail.
    state = resnet_twin.state_dict(18, generator)
    images = generator.normal(size=(1, 3, 33, 40))
    right = resnet_twin.forward(18, state, images)
    shifted = resnet_twin.forward(18, state, np.roll(images, 1, 2))
    assert np.abs(right - shifted).max() > 1e-2 * right.std()
    changed = dict(state)
    changed["bn1.running_var"] = state["bn1.running_var"] + 1e-3
    other = resnet_twin.forward(18, changed, images)
    assert np.abs(right - other).max() > 1e-4 * right.std()


def test_without_the_top_the_head_is_left_out(tmp_path, generator):
    state = resnet_twin.state_dict(18, generator)
    path = _write(tmp_path / "net.pt", state)
    whole = zoo.resnet18(classes=10, weights=path, **SMALL)
    pooled = zoo.resnet18(False, weights=path, **SMALL)
    places = zoo.resnet18(False, weights=path, pooling=None, **SMALL)
    x = generator.normal(size=(2, 33, 40, 3))
    features = pooled(x, training=False)
    assert features.shape == (2, 512)
    np.testing.assert_allclose(
        whole.get_layer("fc")(features), whole(x, training=False), atol=1e-5
    )
    map_ = places(x, training=False)
    assert map_.shape == (2, 2, 2, 512)
    np.testing.assert_allclose(
        keras.ops.mean(map_, (1, 2)), features, atol=1e-5
    )


def test_a_file_of_weights_without_a_head(tmp_path, generator):
    state = resnet_twin.state_dict(18, generator)
    del state["fc.weight"], state["fc.bias"]
    path = _write(tmp_path / "net.pt", state)
    zoo.resnet18(False, weights=path, **SMALL)
    with pytest.raises(ValueError, match="Without a value: fc/kernel"):
        zoo.resnet18(classes=10, weights=path, **SMALL)


def test_files_that_do_not_fit(tmp_path, generator):
    path = _write(tmp_path / "a.pt", resnet_twin.state_dict(18, generator))
    with pytest.raises(ValueError, match="fc.weight.*fc/kernel has the shape"):
        zoo.resnet18(classes=9, weights=path, **SMALL)
    with pytest.raises(ValueError, match="do not fit one to one"):
        zoo.resnet(34, classes=10, weights=path, **SMALL)


@pytest.mark.parametrize(
    "depth",
    [
        18,
        34,
        50,
        pytest.param(101, marks=pytest.mark.slow),
        pytest.param(152, marks=pytest.mark.slow),
    ],
)
def test_numbers_of_parameters(depth):
    model = zoo.resnet(depth, input_shape=(32, 32, 3))
    count = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert count == PARAMETERS[depth]
    assert model.output_shape == (None, 1000)
    assert model.name == f"resnet{depth}"


@pytest.mark.slow
def test_it_is_a_plain_model(tmp_path, generator):
    model = zoo.resnet18(classes=3, **SMALL)
    assert type(model).__module__.startswith("keras.")
    assert {type(layer).__module__.split(".")[0] for layer in model.layers} == {
        "keras"
    }
    x = generator.normal(size=(2, 33, 40, 3)).astype("float32")
    model.save(tmp_path / "net.keras")
    loaded = keras.saving.load_model(tmp_path / "net.keras")
    np.testing.assert_allclose(
        loaded(x, training=False), model(x, training=False), atol=1e-5
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, np.array([0, 2]), verbose=0)


def test_preprocessing_is_that_of_imagenet_and_no_part_of_the_model():
    model = zoo.resnet18(**SMALL)
    assert isinstance(model.preprocessing, ImagePreprocessing)
    assert model.preprocessing.size == (33, 40)
    names = [layer.name for layer in model.layers]
    assert model.preprocessing.name not in names
    pixels = np.full((1, 33, 40, 3), 255.0)
    np.testing.assert_allclose(
        model.preprocessing(pixels)[0, 0, 0],
        (1 - np.array([0.485, 0.456, 0.406])) / [0.229, 0.224, 0.225],
        rtol=1e-5,
    )


def test_images_of_any_size_and_of_other_channels():
    model = zoo.resnet18(False, input_shape=(None, None, 1))
    assert model(np.zeros((1, 40, 64, 1))).shape == (1, 512)
    free = zoo.resnet18(False, input_shape=(None, None, 3))
    assert free.preprocessing.size is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"depth": 20}, "`depth`.*18, 34, 50"),
        ({"classes": 0}, "`classes`.*positive integer"),
        ({"input_shape": (32, 32)}, r"`input_shape`.*\(height, width"),
        ({"input_shape": (32, 32, None)}, "`input_shape`"),
        ({"pooling": "max"}, "`pooling`.*'avg' or None"),
        ({"weights": "missing.pt"}, "a file that exists"),
        ({"weights": "imagenet"}, "a file that ends in .pt"),
    ],
    ids=range(7),
)
def test_mistakes(arguments, said):
    with pytest.raises(ValueError, match=said):
        zoo.resnet(**{"depth": 18, **SMALL, **arguments})
