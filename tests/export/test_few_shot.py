"""A few-shot learner becomes a served model."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.export import probes
from tests.export import graphs


def _encoder(width=5):
    return keras.Sequential(
        [
            keras.Input((3,), name="x"),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(width, name="features"),
        ]
    )


def _normal(generator, *shape):
    return generator.normal(size=shape).astype("float32")


@pytest.mark.slow
def test_an_encoder_is_published_and_verified(generator, tmp_path):
    encoder = _encoder()
    report = kt.export.save_few_shot(
        encoder,
        tmp_path,
        ways=2,
        head=kt.layers.PrototypeHead("cosine", 0.1),
        samples=_normal(generator, 30, 3),
        card={"metrics": {"accuracy": 0.5}},
    )
    assert report.passed and report.largest_difference < 1e-5
    assert not (report.path / "batching_params.pbtxt").exists()
    found = probes.signatures(report.path)
    assert set(found) == {"predict", "serving_default"}
    for info in [*found["predict"].inputs.values()]:
        assert info.shape[:2] == (None, None)
    assert kt.export.verify(report.path).passed


@pytest.mark.slow
def test_a_prototypical_network_answers_as_in_memory(generator, tmp_path):
    network = kt.meta.PrototypicalNetwork(
        _encoder(), "cosine", 0.3, learn_temperature=True
    )
    report = kt.export.save_few_shot(network, tmp_path, ways=4)
    assert report.passed
    support, query = _normal(generator, 2, 6, 3), _normal(generator, 2, 5, 3)
    labels = np.array([[0, 0, 1, 1, 2, 2]] * 2, "int32")
    request = {"support": support, "support_labels": labels, "query": query}
    (answer,) = graphs.run(report.path, [("predict", request)], "graph_session")
    for task in range(2):
        classifier = network.adapt(support[task], labels[task])
        scores = keras.ops.softmax(classifier(query[task]))
        np.testing.assert_allclose(
            answer.outputs["scores"][task, :, :3], scores, atol=1e-5
        )


# === Bad arguments


@pytest.mark.parametrize("ways", [1, 0, 2.0, None])
def test_ways_that_are_none_are_refused(ways, tmp_path):
    with pytest.raises(ValueError, match="argument `ways`"):
        kt.export.save_few_shot(_encoder(), tmp_path, ways=ways)
    assert list(tmp_path.iterdir()) == []


def test_heads_and_encoders_that_do_not_fit_are_refused(tmp_path):
    def refuses(message, encoder=None, **options):
        encoder = _encoder() if encoder is None else encoder
        with pytest.raises(ValueError, match=message):
            kt.export.save_few_shot(encoder, tmp_path, ways=3, **options)

    refuses("argument `head`", head=kt.layers.CosineHead(3))
    refuses("argument `samples`.*at least 8 rows", samples=np.ones((7, 3)))
    refuses("argument `samples`.*shape", samples=np.ones((9, 4)))
    images = keras.Sequential([keras.Input((6, 6, 3)), keras.layers.ReLU()])
    refuses(r"returns features \(batch, width\)", images)
    left, right = keras.Input((2,)), keras.Input((2,))
    both = keras.Model([left, right], keras.layers.Add()([left, right]))
    refuses("one input", both)
    assert list(tmp_path.iterdir()) == []


def test_a_url_is_refused_before_anything_is_done():
    with pytest.raises(ValueError, match="argument `folder`"):
        kt.export.save_few_shot(None, "gs://bucket/model", ways=3)
