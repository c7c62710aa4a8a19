"""Mean and interval of the values of episodes."""

import dataclasses

import numpy as np
import pytest

from keras_transfer.meta import EpisodeScores


def test_mean_and_interval_equal_the_formula(generator):
    values = generator.uniform(size=50)
    scores = EpisodeScores("accuracy", "moving", values)
    mean = sum(values) / 50
    deviation = (sum((v - mean) ** 2 for v in values) / 49) ** 0.5
    assert scores.mean == pytest.approx(mean)
    assert scores.interval == pytest.approx(1.96 * deviation / 50**0.5)
    assert scores.num_episodes == 50
    assert isinstance(scores.mean, float)
    assert isinstance(scores.interval, float)


def test_the_interval_holds_the_mean_in_95_of_100_cases(generator):
    """The mean of the classes' accuracy, estimated 2,000 times."""
    draws = generator.binomial(15, 0.8, size=(2000, 100)) / 15
    hits = 0
    for values in draws:
        scores = EpisodeScores("accuracy", "moving", values)
        hits += abs(scores.mean - 0.8) <= scores.interval
    assert 0.93 < hits / 2000 < 0.965


def test_a_single_episode_has_no_interval():
    scores = EpisodeScores("accuracy", "moving", np.array([0.5]))
    assert scores.mean == 0.5
    assert np.isnan(scores.interval)


def test_text_of_accuracies_is_in_per_cent():
    scores = EpisodeScores("accuracy", "support", np.array([0.5, 0.7]))
    assert str(scores) == (
        "accuracy 60.00 +- 19.60 % (2 episodes, support statistics)"
    )


def test_text_of_losses_is_not():
    scores = EpisodeScores("loss", "none", np.array([0.5, 0.7]))
    assert str(scores) == "loss 0.60 +- 0.20 (2 episodes, none statistics)"


def test_scores_do_not_change():
    scores = EpisodeScores("accuracy", "moving", np.array([0.5, 0.7]))
    with pytest.raises(dataclasses.FrozenInstanceError):
        scores.metric = "loss"
