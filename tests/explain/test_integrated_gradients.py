"""Integrated gradients: completeness, beside a NumPy twin and by hand."""

import keras
import numpy as np
import pytest

from keras_transfer import explain
from tests.explain import small_models

layers = keras.layers
WORDS, WIDTH, LENGTH = 11, 6, 5


def table_model(end=None, classes=3):
    return keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(8, activation="tanh"),
            layers.Dense(classes, activation=end),
        ]
    )


def text_model(**options):
    return keras.Sequential(
        [
            keras.Input((LENGTH,), dtype="int32"),
            layers.Embedding(WORDS, WIDTH, name="words", **options),
            layers.GlobalAveragePooling1D(),
            layers.Dense(7, activation="tanh"),
            layers.Dense(3),
        ]
    )


def table(rows=6, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, 4)) * 2


def picked(model, x, labels):
    return model.predict(np.asarray(x), verbose=0)[np.arange(len(x)), labels]


def twin(model, rows, labels, baseline, steps):
    """Equation 3 of the paper, with equal steps."""
    first, shift, second, _ = [
        np.asarray(weight, "float64") for weight in model.get_weights()
    ]
    total = np.zeros_like(rows)
    for step in range(1, steps + 1):
        point = baseline + step / steps * (rows - baseline)
        hidden = np.tanh(point @ first + shift)
        total += ((1 - hidden**2) * second.T[labels]) @ first.T
    return (rows - baseline) * total / steps


@pytest.mark.parametrize("baseline", [None, "row", "rows"])
def test_it_is_the_formula(baseline):
    model, rows = table_model(), table()
    labels = np.array([0, 1, 2, 0, 1, 2])
    others = table(seed=1)
    starts = {None: np.zeros((1, 4)), "row": others[:1], "rows": others}
    start = starts[baseline]
    found = explain.integrated_gradients(
        model,
        rows,
        labels,
        {None: None, "row": others[0], "rows": others}[baseline],
    )
    assert found.dtype == np.float32 and found.shape == rows.shape
    expected = twin(model, rows, labels, start, 20000)
    np.testing.assert_allclose(found, expected, atol=2e-3)
    np.testing.assert_allclose(
        found.sum(axis=1),
        picked(model, rows, labels)
        - picked(model, np.broadcast_to(start, rows.shape), labels),
        atol=1e-5,
    )


def test_more_steps_come_nearer():
    model, rows = table_model(), table() * 5
    labels = np.arange(6) % 3
    wanted = picked(model, rows, labels) - picked(model, rows * 0, labels)
    errors = [
        np.abs(
            explain.integrated_gradients(model, rows, labels, steps=steps).sum(
                axis=1
            )
            - wanted
        ).max()
        for steps in (2, 50)
    ]
    assert errors[1] < 1e-3 < errors[0]


def test_a_column_that_does_not_matter_gets_nothing():
    model, rows = table_model(), table()
    weights = model.get_weights()
    weights[0][2] = 0.0
    model.set_weights(weights)
    found = explain.integrated_gradients(model, rows, 1)
    assert not found[:, 2].any() and found[:, 0].all()


@pytest.mark.parametrize("end", ["softmax", "sigmoid"])
def test_logits_are_explained(end):
    model, rows = table_model(), table()
    ended = table_model(end)
    ended.set_weights(model.get_weights())
    np.testing.assert_allclose(
        explain.integrated_gradients(ended, rows, 1),
        explain.integrated_gradients(model, rows, 1),
        atol=1e-6,
    )


def test_a_number_is_explained_as_it_is():
    model = table_model(classes=1)
    rows = table()
    outputs = model.predict(np.vstack([rows, 0 * rows]), verbose=0)[:, 0]
    found = explain.integrated_gradients(model, rows)
    np.testing.assert_allclose(
        found.sum(axis=1), outputs[:6] - outputs[6:], atol=1e-5
    )
    np.testing.assert_allclose(
        explain.integrated_gradients(model, rows, 0), -found, atol=1e-6
    )


def test_images_with_rectifiers():
    model = small_models.convolutional()
    images = small_models.images(2)
    labels = np.array([1, 3])
    found = explain.integrated_gradients(model, images, labels, steps=100)
    assert found.shape == images.shape
    np.testing.assert_allclose(
        found.sum(axis=(1, 2, 3)),
        picked(model, images.astype("float32"), labels)
        - picked(model, 0.0 * images, labels),
        atol=5e-3,
    )


def test_batches_do_not_matter():
    model, rows = table_model(), table()
    np.testing.assert_allclose(
        explain.integrated_gradients(model, rows, 1, batch_size=7),
        explain.integrated_gradients(model, rows, 1, batch_size=500),
        atol=1e-6,
    )


def tokens(rows=3):
    return np.random.default_rng(0).integers(1, WORDS, (rows, LENGTH))


def outputs_over(model, vectors, labels):
    """The logits of a text model from the outputs of its embedding."""
    x = vectors.mean(axis=1)
    for layer in model.layers[-2:]:
        x = np.asarray(layer(x))
    return x[np.arange(len(x)), labels]


@pytest.mark.parametrize("baseline", [None, 0])
def test_a_token_gets_one_number(baseline):
    model, rows, labels = text_model(), tokens(), np.array([0, 1, 2])
    found = explain.integrated_gradients(model, rows, labels, baseline)
    assert found.shape == rows.shape and found.dtype == np.float32
    vectors = np.asarray(model.get_layer("words")(rows))
    starts = np.zeros_like(vectors)
    if baseline is not None:
        starts[:] = model.get_layer("words").get_weights()[0][baseline]
    np.testing.assert_allclose(
        found.sum(axis=1),
        outputs_over(model, vectors, labels)
        - outputs_over(model, starts, labels),
        atol=1e-5,
    )


def test_masked_tokens_get_nothing():
    model, rows = text_model(mask_zero=True), tokens()
    rows[:, 3:] = 0
    found = explain.integrated_gradients(model, rows, 1)
    assert not found[:, 3:].any() and found[:, :3].all()


def test_words_of_strings():
    words = [f"w{number}" for number in range(WORDS - 2)]
    vectorize = layers.TextVectorization(
        output_sequence_length=LENGTH, vocabulary=words
    )
    plain = text_model()
    model = keras.Sequential(
        [keras.Input((), dtype="string"), vectorize, *plain.layers]
    )
    texts = np.array(["w1 w2 w3 w4 w5", "w8 w0 w0 w1 w1"])
    np.testing.assert_allclose(
        explain.integrated_gradients(model, texts, 1),
        explain.integrated_gradients(plain, np.asarray(vectorize(texts)), 1),
        atol=1e-6,
    )


def test_a_layer_may_be_named():
    model, rows = text_model(), tokens()
    np.testing.assert_array_equal(
        explain.integrated_gradients(model, rows, 1, layer="words"),
        explain.integrated_gradients(model, rows, 1),
    )


def test_recurrent_text_models():
    model = keras.Sequential(
        [
            keras.Input((LENGTH,), dtype="int32"),
            layers.Embedding(WORDS, WIDTH),
            layers.LSTM(4),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    assert explain.integrated_gradients(model, tokens()).shape == (3, LENGTH)


REFUSED = {
    "two inputs": ({"a": table()}, {}, "one array of rows"),
    "other baseline": (table(), {"baseline": [1.0, 2.0]}, "baseline"),
    "steps": (table(), {"steps": 0}, "steps"),
    "labels": (table(), {"labels": 3}, "from 0 to 2"),
    "NaN": (table() * np.nan, {}, "row 0"),
    "layer": (table(), {"layer": "none"}, "layer"),
    "nothing": (table()[:0], {}, "one row or more"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_explained(case):
    inputs, options, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        explain.integrated_gradients(table_model(), inputs, **options)


def test_integers_without_an_embedding_have_no_gradient():
    inputs = keras.Input((4,), dtype="int32")
    x = layers.Dense(2)(layers.Rescaling(1.0)(inputs))
    model = keras.Model(inputs, x)
    with pytest.raises(ValueError, match="declares its input as int32"):
        explain.integrated_gradients(model, np.ones((2, 4), "int32"))
