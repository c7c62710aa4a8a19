import numpy as np
import pytest

from keras_transfer.subspace import PCA
from tests.helpers import two_domains


def test_both_sides_are_the_principal_components_of_all_rows(generator):
    from sklearn.decomposition import PCA as Reference

    source, target = two_domains(generator, target_rows=9)
    layer = PCA(3, dtype="float64")
    layer.adapt(source, target)
    reference = Reference(3).fit(np.concatenate([source, target]))
    for domain, rows in (("source", source), ("target", target)):
        found = layer(rows.astype("float64"), domain=domain).numpy()
        expected = reference.transform(rows.astype("float64"))
        np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-5)


def test_one_map_is_kept_for_both_sides(generator):
    layer = PCA(2)
    layer.adapt(*two_domains(generator))
    assert [weight.name for weight in layer.weights] == ["kernel", "bias"]


def test_dimensions_are_checked(generator):
    with pytest.raises(ValueError, match="`dimensions`.*integer of 1 or more"):
        PCA(0)
    with pytest.raises(ValueError, match="at most 5.*two domains varies"):
        PCA(6).adapt(*two_domains(generator))
