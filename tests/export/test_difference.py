"""How far an export is from its model."""

from keras_transfer import export


def test_without_classes_there_is_no_agreement():
    assert export.Difference(0.5).agreement is None
    assert export.Difference(0.5) != export.Difference(0.5, 1.0)
    assert export.Difference(0.5, 1.0).largest == 0.5
