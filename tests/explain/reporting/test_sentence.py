import pytest

from keras_transfer.explain.reporting import material
from keras_transfer.explain.reporting import sentence
from tests.explain.reporting.test_tables import entry

FACTS = {
    "trainer": {"class": "keras_transfer.DomainAdaptation"},
    "model": {"class": "keras.Functional"},
    "data": "digits.",
}


def _summary(*entries, results=()):
    return sentence.summary(material.Material("x", entries, results, {}))


def test_what_was_done_and_what_came_out():
    found = _summary(
        entry("source_only", shares=0.5, **FACTS),
        entry("dann", shares=0.75, **FACTS),
        results=({"chosen": "dann", "chosen_by": "a_score"},),
    )
    assert found == [
        "2 runs of DomainAdaptation (source_only and dann), 2 epochs each, "
        "seed 0, on digits.",
        "On the labelled target rows dann is right in 75.0 %, source_only in "
        "50.0 %.",
        "dann was chosen by a score.",
    ]


def test_one_plain_model_that_was_interrupted():
    facts = FACTS | {"trainer": None, "data": None, "seed": None}
    found = _summary(entry("a", {"epoch": [0]}, status="interrupted", **facts))
    assert found == [
        "1 run of a plain model, 1 epoch.",
        "a has not come to an end.",
    ]


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (["digits", "digits"], "seed 0, on digits."),
        (["digits", "letters"], "seed 0."),
        ([{"description": "digits"}] * 2, "seed 0, on digits."),
        ([{"rows": 3}] * 2, "seed 0."),
        ([[1], [1]], "seed 0."),
    ],
)
def test_data_of_one_description(data, end):
    runs = [entry(str(n), **(FACTS | {"data": d})) for n, d in enumerate(data)]
    assert _summary(*runs)[0].endswith(end)


def test_several_seeds_and_lengths():
    first = entry("a", {"epoch": [0]}, **FACTS | {"seed": 3})
    text = _summary(first, entry("b", **FACTS | {"seed": 1}))[0]
    assert "1 to 2 epochs each, seeds 1 and 3" in text


def test_runs_on_other_data_are_not_compared():
    first = entry("a", shares=0.5, **FACTS)
    second = entry("b", shares=0.75, **FACTS | {"data": "letters"})
    assert len(_summary(first, second)) == 1


def test_many_names_are_left_to_the_table():
    runs = [entry(f"run_{n}", **FACTS) for n in range(6)]
    text = _summary(*runs)[0]
    assert text.startswith("6 runs of DomainAdaptation, 2 epochs each")
