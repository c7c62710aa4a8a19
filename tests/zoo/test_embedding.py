import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_transfer import data
from keras_transfer import layers
from keras_transfer import zoo
from keras_transfer.zoo import embedding
from keras_transfer.zoo import keras_applications


def _images(generator, rows=10):
    x = generator.integers(0, 256, size=(rows, 6, 6, 3)).astype("uint8")
    return x, np.arange(rows) % 3


def _backbone():
    inputs = keras.Input((4, 4, 3))
    x = keras.layers.Conv2D(5, 3)(inputs)
    x = keras.layers.Dropout(0.5)(x)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    keras_applications.attach_preprocessing(
        model, layers.ImagePreprocessing((4, 4))
    )
    return model


def test_arrays_pass_preprocessing_and_backbone_in_inference_mode(generator):
    x, y = _images(generator)
    backbone = _backbone()
    found = embedding.embed(backbone, (x, y), batch_size=4)
    expected = backbone(backbone.preprocessing(x), training=False)
    np.testing.assert_allclose(found.features, expected, atol=1e-5)
    np.testing.assert_array_equal(found.labels, y)
    assert 0 < found.seconds_per_row < found.seconds


def test_a_dataset_gives_the_same_and_is_read_once(generator):
    x, y = _images(generator)
    backbone, reads = _backbone(), []

    def rows():
        reads.append(1)
        yield from zip(x, y, strict=True)

    dataset = tf.data.Dataset.from_generator(
        rows,
        output_signature=(
            tf.TensorSpec((6, 6, 3), tf.uint8),
            tf.TensorSpec((), tf.int64),
        ),
    ).batch(4)
    found = embedding.embed(backbone, dataset)
    expected = embedding.embed(backbone, (x, y))
    np.testing.assert_allclose(found.features, expected.features, atol=1e-5)
    np.testing.assert_array_equal(found.labels, y)
    assert len(reads) == 1


def test_labels_of_a_shuffled_dataset_stay_with_their_rows():
    x = np.arange(50.0)[:, None]
    dataset = tf.data.Dataset.from_tensor_slices((x, np.arange(50)))
    found = embedding.embed(lambda x: x, dataset.shuffle(50).batch(7))
    np.testing.assert_array_equal(found.features[:, 0], found.labels)
    assert (found.labels != np.arange(50)).any()


def test_an_image_folder_gives_its_training_part(generator, tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(3):
            pixels = generator.integers(0, 256, (8, 8, 3)).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    folder = data.image_folder(
        tmp_path, (8, 8), validation_split=0.34, verbose=0
    )
    embedding.check_data(folder)
    found = embedding.embed(lambda x: x, folder)
    assert found.features.shape == (4, 3)
    assert found.labels.tolist() == [0, 0, 1, 1]
    unlabelled = data.image_folder(tmp_path, (8, 8), labelled=False, verbose=0)
    with pytest.raises(ValueError, match="no labels"):
        embedding.check_data(unlabelled)


def test_space_is_averaged(generator):
    x = generator.normal(size=(5, 3, 2, 4)).astype("float32")
    found = embedding.embed(lambda x: x, (x, np.arange(5)))
    np.testing.assert_allclose(found.features, x.mean(axis=(1, 2)), atol=1e-6)


def test_the_shipped_backbone_is_embedded(generator):
    x = generator.uniform(0, 255, (5, 28, 28, 3)).astype("float32")
    backbone = zoo.load("omniglot_conv4")
    found = embedding.embed(backbone, (x, np.arange(5)), batch_size=2)
    expected = backbone(backbone.preprocessing(x))
    np.testing.assert_allclose(found.features, expected, atol=1e-4)


def test_outputs_that_are_no_features_are_refused():
    x = np.zeros((3, 2))
    with pytest.raises(ValueError, match=r"Received several: \['a', 'b'\]"):
        embedding.embed(lambda x: {"a": x, "b": x}, (x, np.arange(3)))
    with pytest.raises(ValueError, match="Received: shape .3,."):
        embedding.embed(lambda x: x[:, 0], (x, np.arange(3)))


def test_data_that_gives_no_labelled_batches_is_refused():
    x, y = np.zeros((4, 2)), np.arange(4)
    rows = tf.data.Dataset.from_tensor_slices
    with pytest.raises(ValueError, match="4 labels for 3 rows"):
        embedding.check_data((x[:3], y))
    with pytest.raises(ValueError, match="a pair of arrays .* ndarray"):
        embedding.check_data(x)
    with pytest.raises(ValueError, match="must give batches .x, y."):
        embedding.check_data(rows(x).batch(2))
    with pytest.raises(ValueError, match="has no end"):
        embedding.check_data(rows((x, y)).batch(2).repeat())
    empty = rows((x, y)).batch(2).take(0)
    with pytest.raises(ValueError, match="The dataset is empty"):
        embedding.embed(lambda x: x, empty)
