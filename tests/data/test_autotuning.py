"""Autotuning is off in the package's pipelines, and kept where asked for."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_transfer as kt
from keras_transfer.data.autotuning import without_autotuning


def _episodes(folder):
    return kt.data.episodes(np.zeros((20, 3)), np.arange(20) % 5, queries=2)


def _pairs(folder):
    return kt.data.pair_domains(
        (np.zeros((8, 3)), np.zeros(8)), np.zeros((8, 3)), batch_size=4
    )


def _images(folder):
    for name in ("a/1.png", "b/1.png"):
        (folder / name).parent.mkdir()
        Image.new("RGB", (4, 4)).save(folder / name)
    return kt.data.image_folder(folder, size=(4, 4)).batches("train")


@pytest.mark.parametrize("make", [_episodes, _pairs, _images])
def test_pipelines_of_the_package_are_not_autotuned(make, tmp_path):
    assert make(tmp_path).options().autotune.enabled is False


@pytest.mark.parametrize("choice", [True, False])
def test_a_choice_is_kept(choice):
    options = tf.data.Options()
    options.autotune.enabled = choice
    dataset = tf.data.Dataset.range(3).with_options(options)
    assert without_autotuning(dataset).options().autotune.enabled is choice


def test_elements_and_other_options_stay():
    options = tf.data.Options()
    options.deterministic = False
    dataset = without_autotuning(tf.data.Dataset.range(3).with_options(options))
    assert [int(x) for x in dataset] == [0, 1, 2]
    assert dataset.options().deterministic is False
