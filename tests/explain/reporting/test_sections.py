import dataclasses

import pytest

from keras_transfer.explain.reporting import material
from keras_transfer.explain.reporting import sections


@pytest.fixture(scope="module")
def gathered(quick_root):
    return material.gather([quick_root])


def _texts(section):
    """All cells of all tables, those that are folded too."""
    folded = [t for things in section.folded.values() for t in things]
    return {
        cell
        for table in [*section.tables, *folded]
        if hasattr(table, "rows")
        for row in table.rows
        for cell in row
    }


def test_all_that_there_is(gathered):
    made = {section.key: section for section in sections.sections(gathered)}
    assert list(made) == [
        "runs",
        "curves",
        "predictions",
        "confidence",
        "features",
        "attributions",
        "transfer",
        "export",
        "provenance",
    ]
    assert "Marked: dann, the chosen run." in made["runs"].notes
    assert "−0.200 to 0.000" in _texts(made["transfer"])
    card = _texts(made["export"])
    assert {"second", "12,345", "1 of 1", "1e−07"} <= card
    assert "first" not in card
    origin = _texts(made["provenance"])
    assert {"keras.Adam", "DomainAdversarial", "method"} <= origin | {
        text.rpartition(", ")[2] for text in origin
    }


def test_figures_of_the_whole(gathered):
    results = ({"figures": {"mean_accuracy": 0.5}},)
    changed = dataclasses.replace(gathered, results=results)
    made = {s.key: s for s in sections.sections(changed)}
    assert {"mean accuracy", "0.500"} <= _texts(made["transfer"])
    assert made["runs"].notes == []


def test_a_run_without_evidence_and_export(gathered):
    entries = tuple(
        dataclasses.replace(entry, evidence=None) for entry in gathered.entries
    )
    bare = material.Material("x", entries, (), {})
    keys = [section.key for section in sections.sections(bare)]
    assert keys == ["runs", "curves", "transfer", "provenance"]


def test_what_is_missing_is_said(gathered):
    entry = gathered.entries[0]
    noted = dataclasses.replace(
        entry,
        evidence=dataclasses.replace(
            entry.evidence, notes=("No Grad-CAM: no layer with places.",)
        ),
    )
    one = material.Material("x", (noted,), (), {})
    made = {section.key: section for section in sections.sections(one)}
    assert made["attributions"].notes == [
        "source_only: No Grad-CAM: no layer with places."
    ]
