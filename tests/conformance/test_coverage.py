"""The table and the list of public names are complete."""

import pathlib

from tests.conformance import public_objects
from tests.conformance.descriptors import DESCRIPTORS
from tests.conformance.ignored import IGNORED
from tests.conformance.ignored import OUTSIDE

SNAPSHOT = pathlib.Path(__file__).with_name("public_names.txt")


def _in_table():
    names = [
        name
        for name in public_objects.public_names()
        if name.split(".")[0] not in OUTSIDE
    ]
    assert names
    return names


def test_every_public_name_is_in_the_table():
    listed = {descriptor.public_name for descriptor in DESCRIPTORS}
    missing = set(_in_table()) - listed - set(IGNORED)
    assert not missing, (
        f"{sorted(missing)} are public and not checked. Add a line to "
        "DESCRIPTORS in tests/conformance/descriptors.py, or to IGNORED in "
        "ignored.py with the reason."
    )


def test_the_table_lists_nothing_that_is_gone():
    listed = {descriptor.public_name for descriptor in DESCRIPTORS}
    extra = (listed | set(IGNORED)) - {*_in_table(), "layers.AlignmentLoss"}
    assert not extra, (
        f"{sorted(extra)} are no longer public. Remove their lines from "
        "tests/conformance/descriptors.py or ignored.py."
    )


def test_no_name_is_both_checked_and_ignored():
    listed = {descriptor.public_name for descriptor in DESCRIPTORS}
    assert not listed & set(IGNORED)


def test_names_in_the_table_differ():
    names = [descriptor.name for descriptor in DESCRIPTORS]
    assert len(set(names)) == len(names)


def test_public_names_are_frozen():
    frozen = SNAPSHOT.read_text("utf-8").split()
    now = public_objects.public_names()
    assert now == frozen, (
        f"New: {sorted(set(now) - set(frozen))}; gone: "
        f"{sorted(set(frozen) - set(now))}. A name that goes breaks saved "
        "models and users' code. If it is meant, edit "
        f"tests/conformance/{SNAPSHOT.name} (one name per line, sorted)."
    )


def test_alignment_loss_is_a_layer_to_its_users():
    assert public_objects.find("layers.AlignmentLoss") is public_objects.find(
        "alignment.AlignmentLoss"
    )
