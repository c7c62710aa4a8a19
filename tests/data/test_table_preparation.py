"""From raw rows of a table to features."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.preprocessing import StandardScaler

import keras_transfer as kt
from tests.subspace import shared_data

JOBS = ["clerk", "nurse", "cook"]


def _matrix(generator, rows=40, columns=4):
    table = generator.normal(5, 3, size=(rows, columns)).astype("float32")
    table[generator.random(table.shape) < 0.2] = np.nan
    table[:, 0] = 1.0  # constant, and without gaps
    return table


def _columns(generator, rows=40):
    jobs = np.array(JOBS, object)[generator.integers(0, 3, rows)]
    jobs[:4] = ["", "?", "NA", " clerk "]
    towns = np.array(["x", "y"], object)[generator.integers(0, 2, rows)]
    age, size = _matrix(generator, rows, 3).T[1:]
    return {"age": age, "job": jobs, "size": size, "town": towns}


def _adapted(data, **arguments):
    preparation = kt.data.TablePreparation(**arguments)
    preparation.adapt(data)
    return preparation


def _numbers_of_scikit_learn(table):
    imputer = SimpleImputer(
        strategy="median", add_indicator=True, keep_empty_features=True
    )
    filled = imputer.fit_transform(table)
    width = table.shape[1]
    scaled = StandardScaler().fit_transform(filled[:, :width])
    return np.concatenate([scaled, filled[:, width:]], axis=1)


def test_a_matrix_becomes_what_scikit_learn_makes_of_it(generator):
    table = _matrix(generator)
    preparation = _adapted(table)
    found = np.asarray(preparation(table))
    np.testing.assert_allclose(
        found, _numbers_of_scikit_learn(table), atol=1e-5
    )
    assert preparation.feature_names == [
        *(f"column {number}" for number in range(4)),
        *(f"column {number} missing" for number in (1, 2, 3)),
    ]


@pytest.mark.parametrize(
    "site", ["cleveland", "hungarian", "switzerland", "va"]
)
def test_the_heart_data_become_what_scikit_learn_makes_of_them(site):
    path = shared_data.FOLDER / "tabular_heart4.npz"
    if not path.exists():
        pytest.skip(f"no file {path.name} in {shared_data.FOLDER}")
    table = np.load(path)[f"x_{site}"]
    assert np.isnan(table).any()
    found = np.asarray(_adapted(table)(table))
    np.testing.assert_allclose(
        found, _numbers_of_scikit_learn(table), atol=1e-4
    )


def test_columns_become_what_scikit_learn_makes_of_them(generator):
    columns = _columns(generator)
    preparation = _adapted(columns)
    found = np.asarray(preparation(columns))
    names = preparation.feature_names
    numbers = np.stack([columns["age"], columns["size"]], axis=-1)
    np.testing.assert_allclose(
        found[:, :4], _numbers_of_scikit_learn(numbers), atol=1e-5
    )
    text = np.array([columns["job"], columns["town"]], object).T
    text[:3, 0] = None
    text[3, 0] = "clerk"
    encoder = make_pipeline(
        SimpleImputer(strategy="most_frequent", missing_values=None),
        OneHotEncoder(sparse_output=False),
    )
    encoded = make_column_transformer((encoder, [0, 1])).fit_transform(text)
    alphabet = [f"job={job}" for job in sorted(JOBS)] + ["town=x", "town=y"]
    order = [names.index(name) for name in alphabet]
    np.testing.assert_array_equal(found[:, order], encoded)
    np.testing.assert_array_equal(found[:, -1], np.arange(40) < 3)
    assert names[-1] == "job missing" and len(names) == found.shape[1] == 10


@pytest.mark.parametrize("kind", ["pairs", "alone"])
def test_batches_give_what_arrays_give(generator, kind):
    columns = _columns(generator)
    rows = columns if kind == "alone" else (columns, np.zeros(40))
    dataset = tf.data.Dataset.from_tensor_slices(rows).batch(7)
    found = _adapted(dataset).statistics
    expected = _adapted(columns).statistics
    for key, value in expected.items():
        if key in ("mean", "variance"):
            np.testing.assert_allclose(found[key], value)
        else:
            assert found[key] == value


def test_unseen_values_are_zero_and_gaps_are_filled(generator):
    columns = _columns(generator)
    preparation = _adapted(columns)
    row = {
        "age": np.array([np.nan]),
        "size": np.array([np.nan]),
        "job": np.array(["astronaut"]),
        # A gap in a column that had none.
        "town": np.array([""]),
    }
    found = dict(
        zip(
            preparation.feature_names,
            np.asarray(preparation(row))[0],
            strict=True,
        )
    )
    assert [found[f"job={job}"] for job in JOBS] == [0, 0, 0]
    assert found["job missing"] == 0 and found["age missing"] == 1
    most = preparation.statistics["vocabularies"][1][0]
    assert found[f"town={most}"] == 1
    median, mean, variance = (
        preparation.statistics[name][0]
        for name in ("median", "mean", "variance")
    )
    expected = (median - mean) / np.sqrt(variance)
    assert found["age"] == pytest.approx(expected, abs=1e-5)


def test_order_of_rows_and_units_change_nothing(generator):
    table = _matrix(generator)
    expected = np.asarray(_adapted(table)(table))
    order = generator.permutation(len(table))
    np.testing.assert_allclose(
        _adapted(table[order])(table), expected, atol=1e-5
    )
    other = 100 * table + 7
    np.testing.assert_allclose(_adapted(other)(other), expected, atol=1e-4)


def test_indicators_and_rare_categories_may_be_left_out(generator):
    columns = _columns(generator)
    preparation = _adapted(columns, indicators=False, max_categories=1)
    assert len(preparation.feature_names) == 4
    assert preparation(columns).shape == (40, 4)
    assert not any("missing" in name for name in preparation.feature_names)


def _model(preparation, columns):
    inputs = {
        name: keras.Input(
            (), name=name, dtype="string" if c.dtype == object else "float32"
        )
        for name, c in columns.items()
    }
    features = preparation(inputs)
    assert features.shape == (None, len(preparation.feature_names))
    outputs = keras.layers.Dense(3)(features)
    return keras.Model(inputs, outputs)


def test_a_model_of_raw_rows_is_saved_and_served(generator, tmp_path):
    columns = _columns(generator)
    model = _model(_adapted(columns), columns)
    expected = model.predict(columns, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(columns, verbose=0), expected)
    layer = next(
        layer
        for layer in loaded.layers
        if isinstance(layer, kt.data.TablePreparation)
    )
    assert layer.statistics == _adapted(columns).statistics
    tensors = {name: tf.constant(list(c)) for name, c in columns.items()}
    model.export(str(tmp_path / "keras"), verbose=False)
    # Tried with raw rows that have gaps before it is published.
    kt.export.save(loaded, tmp_path / "ours", samples=columns)
    served = tf.saved_model.load(str(tmp_path / "keras"))
    np.testing.assert_allclose(served.serve(tensors), expected, atol=1e-6)
    ours = tf.saved_model.load(str(tmp_path / "ours" / "1"))
    signature = ours.signatures["serving_default"]
    (found,) = signature(**tensors).values()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_it_is_built_inside_of_a_compiled_step(generator):
    columns = _columns(generator)
    preparation = _adapted(columns)

    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.preparation = preparation
            self.head = keras.layers.Dense(1)

        def call(self, inputs):
            return self.head(self.preparation(inputs))

    model = Subclassed()
    model.compile("sgd", "mse")
    model.fit(columns, np.zeros(40), epochs=2, batch_size=16, verbose=0)
    assert not preparation.supports_jit


def test_numbers_are_compiled_by_xla(generator):
    table = _matrix(generator)
    preparation = _adapted(table)
    assert preparation.supports_jit
    compiled = tf.function(preparation, jit_compile=True)
    np.testing.assert_allclose(compiled(table), preparation(table), atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "float64"])
def test_large_numbers_keep_their_digits(policy):
    table = np.array([[250_000.0], [250_001.0], [np.nan]], "float64")
    preparation = kt.data.TablePreparation(dtype=policy)
    preparation.adapt(table)
    found = preparation(table)
    assert found.dtype == ("float16" if "mixed" in policy else "float64")
    median = 250_000.5
    filled = np.array([250_000.0, 250_001.0, median])
    expected = (filled - filled.mean()) / filled.std()
    np.testing.assert_allclose(
        np.asarray(found)[:, 0],
        expected,
        atol=0.02 if "mixed" in policy else 1e-9,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_categories": 0}, "a positive integer"),
        ({"missing": "?"}, "a sequence of strings"),
    ],
    ids=["max_categories", "missing"],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        kt.data.TablePreparation(**arguments)


def test_it_has_to_be_adapted_first_and_once(generator):
    table = _matrix(generator)
    preparation = kt.data.TablePreparation()
    for use in (preparation, lambda _: preparation.feature_names):
        with pytest.raises(ValueError, match="Call `adapt`"):
            use(table)
    preparation.adapt(table)
    preparation.adapt(table[:20])
    preparation(table)
    with pytest.raises(ValueError, match="was called before"):
        preparation.adapt(table)


def test_other_columns_are_refused(generator):
    columns = _columns(generator)
    preparation = _adapted(columns)
    with pytest.raises(ValueError, match=r"\['job'\] are not given"):
        preparation({n: c for n, c in columns.items() if n != "job"})
    with pytest.raises(ValueError, match="adapted to a dict of columns"):
        preparation(np.zeros((2, 4), "float32"))
    with pytest.raises(ValueError, match="adapted to a matrix of 4"):
        _adapted(_matrix(generator))(np.zeros((2, 3), "float32"))
