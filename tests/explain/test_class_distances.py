"""How far the domains lie apart, class by class."""

import numpy as np
import pytest

from keras_transfer import explain


def _naive(source, source_labels, target, target_labels, num_classes):
    scatter, rows, groups, means = 0.0, 0, 0, []
    for features, labels in ((source, source_labels), (target, target_labels)):
        found = {}
        for number in set(labels.tolist()):
            inside = [x for x, y in zip(features, labels) if y == number]  # noqa: B905
            mean = sum(inside) / len(inside)
            scatter += sum(((x - mean) ** 2).sum() for x in inside)
            rows += len(inside)
            groups += 1
            found[number] = mean
        means.append(found)
    spread = (scatter / (rows - groups)) ** 0.5
    return [
        np.sqrt(((means[0][c] - means[1][c]) ** 2).sum()) / spread
        if c in means[0] and c in means[1]
        else np.nan
        for c in range(num_classes)
    ]


@pytest.fixture
def domains(generator):
    source_labels, target_labels = np.arange(40) % 3, np.arange(25) % 3
    source = generator.normal(size=(40, 4)) + source_labels[:, None]
    target = generator.normal(size=(25, 4)) + 2.0 * target_labels[:, None]
    return source, source_labels, target, target_labels


def test_it_is_what_the_formula_says(domains):
    found = explain.class_distances(*domains)
    np.testing.assert_allclose(found, _naive(*domains, 3), rtol=1e-12)
    assert found.dtype == "float64" and found.shape == (3,)
    # The classes were moved the more, the higher their number.
    assert found[0] < found[1] < found[2]


def test_a_missing_class_is_nan(domains):
    source, source_labels, target, target_labels = domains
    kept = target_labels != 1
    given = source, source_labels, target[kept], target_labels[kept]
    found = explain.class_distances(*given, num_classes=5)
    np.testing.assert_allclose(found, _naive(*given, 5), rtol=1e-12)
    assert np.isnan(found).tolist() == [False, True, False, True, True]


def test_shift_rotation_and_scale_change_nothing(domains, generator):
    source, source_labels, target, target_labels = domains
    expected = explain.class_distances(*domains)
    rotation, _ = np.linalg.qr(generator.normal(size=(4, 4)))

    def moved(rows):
        return 30.0 * rows @ rotation + 7.0

    found = explain.class_distances(
        moved(source), source_labels, moved(target), target_labels
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_equal_domains_have_none_and_swapped_ones_the_same(domains):
    source, source_labels, target, target_labels = domains
    same = explain.class_distances(source, source_labels, source, source_labels)
    np.testing.assert_array_equal(same, np.zeros(3))
    np.testing.assert_allclose(
        explain.class_distances(target, target_labels, source, source_labels),
        explain.class_distances(*domains),
    )


def test_alike_domains_come_to_what_the_docstring_says(generator):
    labels = np.repeat([0, 1], 200)
    found = [
        explain.class_distances(
            generator.normal(size=(400, 6)),
            labels,
            generator.normal(size=(400, 6)),
            labels,
        )
        for _ in range(20)
    ]
    mean_square = np.mean(np.square(found))
    assert mean_square == pytest.approx(1 / 200 + 1 / 200, rel=0.2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": np.ones((2, 3))}, "Received: 4 and 3"),
        ({"source_labels": np.zeros(3, int)}, "one label for each row"),
        ({"num_classes": 2}, "integers from 0 to 1"),
        ({"source": np.full((40, 4), np.nan)}, "NaN or infinite"),
    ],
    ids=["width", "length", "classes", "nan"],
)
def test_what_does_not_fit_is_refused(domains, change, message):
    names = "source", "source_labels", "target", "target_labels"
    given = {**dict(zip(names, domains, strict=True)), **change}
    if "target" in change:
        given["target_labels"] = np.array([0, 1])
    with pytest.raises(ValueError, match=message):
        explain.class_distances(**given)


@pytest.mark.parametrize("rows", [1, 3], ids=["single", "constant"])
def test_no_spread_is_refused(rows):
    labels = np.repeat([0, 1], rows)
    features = labels[:, None].astype(float)
    with pytest.raises(ValueError, match="do not vary within any class"):
        explain.class_distances(features, labels, features + 1, labels)
