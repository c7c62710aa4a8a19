import numpy as np
import pytest

from keras_transfer.callbacks import run_folder
from keras_transfer.explain import evidence
from keras_transfer.explain.reporting import material
from keras_transfer.explain.reporting import tables


def entry(name="dann", history=None, shares=None, **facts):
    """An entry without files; `shares` are accuracies on the target."""
    facts = {
        "status": "finished",
        "seed": 0,
        "figures": {},
        "budget": {"epochs": 2, "steps_per_epoch": 3},
        "best": {"monitor": "loss", "mode": "min", "epoch": 1, "value": 0.5},
        "timings": {"seconds": 61.0},
    } | facts
    history = history or {"epoch": [0, 1], "loss": [0.7, 0.5]}
    seen = None
    if shares is not None:
        right = np.arange(100) < 100 * shares
        rows = np.where(right[:, None], [0.75, 0.25], [0.25, 0.75])
        target = evidence.DomainEvidence(rows, np.zeros(100, int))
        seen = evidence.Evidence(evidence.DomainEvidence(), target)
    run = run_folder.Run(name, facts, history)
    return material.Entry(name, run, seen)


def test_runs_side_by_side():
    table = tables.runs(
        (entry("a", shares=0.5), entry("b", shares=0.75)), chosen=["b"]
    )
    assert table.headers == [
        "run",
        "epochs",
        "best loss (epoch)",
        "target accuracy",
        "time",
        "seed",
    ]
    assert table.rows == [
        ["a", "2", "0.500 (2)", "50.0 %", "1 min 01 s", "0"],
        ["b", "2", "0.500 (2)", "75.0 %", "1 min 01 s", "0"],
    ]
    assert table.marked == (1,)


def test_runs_that_did_not_end_say_so_and_how_far_they_came():
    run = entry(status="interrupted", budget={"epochs": 20})
    table = tables.runs((run,))
    assert table.rows[0][1] == "2 of 20"
    assert (table.headers[-1], table.rows[0][-1]) == ("status", "interrupted")


def test_figures_are_columns_unless_they_are_shown_already():
    runs = (
        entry("a", shares=0.5, figures={"target_test": 0.5, "score": 1.5}),
        entry("b", shares=0.75, figures={"target_test": 0.75}),
    )
    table = tables.runs(runs)
    assert "target test" not in table.headers
    column = table.headers.index("score")
    assert [row[column] for row in table.rows] == ["1.500", "–"]


def test_a_share_that_was_recorded_fills_the_gap_of_a_run():
    runs = (
        entry("a", shares=0.5, figures={"target_test": 0.5}),
        entry("b", figures={"target_test": 0.25}),
        entry("c", shares=0.75),
    )
    table = tables.runs(runs)
    assert "target test" not in table.headers
    column = table.headers.index("target accuracy")
    cells = [row[column] for row in table.rows]
    assert cells == ["50.0 %", "25.0 %", "75.0 %"]


def test_a_share_of_another_value_is_a_column_of_its_own():
    runs = (entry("a", shares=0.5, figures={"target_test": 0.25}),)
    assert "target test" in tables.runs(runs).headers


def test_a_run_without_a_best():
    best = {"monitor": "loss", "mode": "min", "epoch": None, "value": None}
    assert tables.runs((entry(best=best),)).rows[0][2] == "–"


def test_means_over_seeds_with_their_spread():
    results = (
        {"recipe": "r", "runs": [1, 2], "mean": {"a_b": 0.5}, "spread": {}},
        {
            "recipe": "s",
            "runs": [1, 2, 3],
            "mean": {"a_b": 92.5, "c": 1.0},
            "spread": {"a_b": 0.25},
        },
        {"chosen": "x"},
    )
    (table,) = tables.means(results)
    assert table.headers == ["recipe", "seeds", "a b", "c"]
    assert table.rows == [
        ["r", "2", "0.500", "–"],
        ["s", "3", "92.5 ± 0.250", "1.000"],
    ]
    assert tables.means(({},)) == []


def test_the_last_value_that_was_logged():
    history = {"epoch": [0, 1], "loss": [1.0, 0.5], "val_loss": [0.25, None]}
    table = tables.last_epoch((entry(history=history),))
    assert table.headers == ["run", "loss", "loss, validation"]
    assert table.rows == [["dann", "0.500", "0.250"]]


def test_predictions_with_their_calibration():
    table = tables.predictions((entry(shares=0.5), entry("none")))
    # Right in half of the cases of which it is 75 % sure.
    assert table.rows == [
        ["dann", "held-out rows", "100", "50.0 %", "75.0 %", "0.250"]
    ]


def test_records_are_tables_of_their_own():
    gap = {"gap": -0.1, "interval": [-0.2, 0.0], "rows": 30}
    runs = (entry("a"), entry("b", figures={"transfer_gap": gap}))
    (table,) = tables.records(runs)
    assert table.caption == "Transfer gap"
    assert table.headers == ["run", "gap", "interval", "rows"]
    assert table.rows == [["b", "−0.100", "−0.200 to 0.000", "30"]]


def test_settings_in_common_and_those_that_differ():
    runs = (entry("a", seed=0), entry("b", seed=1))
    same, different = tables.settings(
        runs, lambda e: {"seed": e.facts["seed"], "epochs": 2}, "What"
    )
    assert (same.headers, same.rows) == (["", ""], [["epochs", "2"]])
    assert different.headers == ["", "a", "b"]
    assert different.rows == [["seed", "0", "1"]]


def test_of_one_run_everything_is_in_common():
    (table,) = tables.settings((entry(),), lambda e: {"x": 1}, "What")
    assert table.rows == [["x", "1"]]


def test_signatures_of_a_card():
    card = {
        "signatures": {
            "predict": {"image": {"shape": [None, 8], "dtype": "float32"}},
            "bytes": {"data": {"shape": [], "dtype": "string"}},
        }
    }
    assert tables.signatures(card).rows == [
        ["predict", "image", "any × 8", "float32"],
        ["bytes", "data", "one", "string"],
    ]


@pytest.mark.parametrize(
    ("facts", "flat"),
    [
        ({"a_b": 1, "c": None}, {"a b": "1"}),
        ({"a": {"b": {"c": 0.5}}}, {"a, b, c": "0.500"}),
        ({"a": {"b": {"c": {"d": [1, 2]}}}}, {"a, b, c": "d 1, 2"}),
        ({"a": []}, {"a": "–"}),
        ({"a": {}}, {"a": "–"}),
    ],
)
def test_nests_become_flat(facts, flat):
    assert tables.flattened(facts) == flat
