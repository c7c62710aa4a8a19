import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from keras_transfer.subspace import Coral
from keras_transfer.subspace import as_transformer


def test_a_pipeline_fits_on_the_source_and_predicts_the_target(generator):
    labels = np.arange(80) % 2
    source = generator.normal(size=(80, 3))
    source[:, 0] += 6.0 * labels
    target = source @ np.diag([1.0, 4.0, 0.1]) - 20.0
    align = Coral(1e-6, match_means=True)
    pipeline = Pipeline(
        [
            ("align", as_transformer(align)),
            ("classify", LogisticRegression()),
        ]
    )
    pipeline.fit(source, labels, align__target=target)
    assert pipeline.score(target, labels) > 0.95
    assert LogisticRegression().fit(source, labels).score(target, labels) < 0.6


def test_other_layers_are_refused():
    with pytest.raises(ValueError, match="`layer`.*keras_transfer.subspace"):
        as_transformer(keras.layers.Dense(3))
