"""Scores against fixed classes."""

import keras
import numpy as np
import pytest

from keras_transfer.meta.relation_head import RelationHead
from keras_transfer.meta.relation_head import class_sums
from keras_transfer.meta.relation_module import RelationModule
from tests.meta.test_relation_module import module_with_statistics
from tests.meta.test_relation_module import numpy_module

LABELS = np.array([0, 2, 2, 0, 2])


@pytest.fixture
def maps(generator):
    return generator.normal(size=(5, 3, 3, 2)).astype("float32")


@pytest.fixture
def head(maps, generator):
    module = module_with_statistics(
        generator, (None, 3, 3, 4), filters=4, units=3
    )
    head = RelationHead(3, (3, 3, 2), module)
    head.adapt(maps, LABELS)
    return head


def test_class_maps_are_sums(maps):
    labels = np.array([[0, 2, 2, 0, 2], [1, -1, 1, 1, -1]])
    maps = np.stack([maps, maps])
    maps[1, [1, 4]] = np.nan
    sums, counts = class_sums(maps, labels, 3)
    assert sums.shape == (2, 3, 3, 3, 2)
    assert counts.numpy().tolist() == [[2, 0, 3], [0, 3, 0]]
    for task in range(2):
        for k in range(3):
            expected = maps[task][labels[task] == k].sum(0)
            np.testing.assert_allclose(sums[task, k], expected, atol=1e-5)


def test_it_equals_numpy(head, maps, generator):
    queries = generator.normal(size=(6, 3, 3, 2)).astype("float32")
    scores = head(queries).numpy()
    assert scores.shape == (6, 3)
    np.testing.assert_array_equal(scores[:, 1], 0)
    for k in (0, 2):
        class_map = np.broadcast_to(maps[k == LABELS].sum(0), queries.shape)
        expected = numpy_module(
            head.relation, np.concatenate([class_map, queries], axis=-1)
        )
        np.testing.assert_allclose(scores[:, k], expected[:, 0], rtol=1e-4)


def test_queries_do_not_see_each_other(head, maps):
    np.testing.assert_allclose(head(maps[1:2])[0], head(maps)[1], rtol=1e-5)


def test_class_maps_are_not_trained(head):
    names = {weight.name for weight in head.trainable_weights}
    assert names.isdisjoint({"class_maps", "counts"})
    assert len(head.trainable_weights) == len(head.relation.trainable_weights)


def test_a_new_module_is_made_by_default(maps):
    head = RelationHead(3, (3, 3, 2))
    assert isinstance(head.relation, RelationModule)
    np.testing.assert_array_equal(head(maps), 0)


def test_it_is_saved_in_a_model(head, maps, tmp_path):
    model = keras.Sequential([keras.Input((3, 3, 2)), head])
    assert model.output_shape == (None, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        loaded.predict(maps, verbose=0), model.predict(maps, verbose=0)
    )


def test_a_support_must_fit_the_head(head, maps):
    with pytest.raises(ValueError, match="3 classes. Received a label of 3"):
        head.adapt(maps, [0, 1, 2, 3, 0])
    with pytest.raises(ValueError, match=r"\(3, 3, 2\). Received: \(2, 3, 2\)"):
        head.adapt(maps[:, :2], LABELS)
