"""The table of benchmarks."""

import dataclasses

import pytest

from keras_transfer.data.benchmarks import BENCHMARKS
from keras_transfer.data.benchmarks import find_benchmark

EACH = pytest.mark.parametrize("name", BENCHMARKS)


def test_the_field_is_there():
    names = {name.split("/")[0] for name in BENCHMARKS}
    assert names == {
        "mnist",
        "usps",
        "svhn",
        "mnist_m",
        "omniglot",
        "office31",
        "office_home",
        "domainnet",
        "visda",
        "amazon_reviews",
        "office_caltech_surf",
        "office_caltech_googlenet",
    }


@EACH
def test_every_name_finds_its_entry(name):
    benchmark = find_benchmark(name)
    assert benchmark is BENCHMARKS[name]
    assert "train" in benchmark.splits
    with pytest.raises(dataclasses.FrozenInstanceError):
        benchmark.tfds = "other"


@EACH
def test_tfds_has_the_builder(name):
    tfds = pytest.importorskip("tensorflow_datasets")
    from keras_transfer.data import builders  # noqa: F401

    builder, _, config = BENCHMARKS[name].tfds.partition("/")
    builder_class = tfds.builder_cls(builder)
    if config:
        assert config in builder_class.builder_configs


def test_own_builders_are_told_apart():
    own = {name.split("/")[0] for name in BENCHMARKS if BENCHMARKS[name].is_own}
    assert own == {
        "usps",
        "mnist_m",
        "office31",
        "office_home",
        "visda",
        "amazon_reviews",
        "office_caltech_surf",
        "office_caltech_googlenet",
    }


@pytest.mark.parametrize(
    "name, message",
    [
        ("mnits", "one of 'mnist', 'usps'.*Did you mean 'mnist'"),
        ("office31", "'office31/amazon', 'office31/dslr', 'office31/webcam'"),
        ("office31/amazn", "Did you mean 'office31/amazon'"),
    ],
)
def test_unknown_names(name, message):
    with pytest.raises(ValueError, match=message):
        find_benchmark(name)
