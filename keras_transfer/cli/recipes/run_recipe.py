"""A recipe, seed by seed, into a folder."""

import datetime
import json
import time

import keras
import numpy as np

from keras_transfer import callbacks
from keras_transfer import export
from keras_transfer.callbacks import run_facts
from keras_transfer.callbacks import run_folder
from keras_transfer.cli import output
from keras_transfer.cli.epoch_bar import EpochBar
from keras_transfer.cli.recipes import domains as domains_of_recipes
from keras_transfer.cli.recipes.adaptation_run import AdaptationRun
from keras_transfer.cli.recipes.few_shot_run import FewShotRun
from keras_transfer.cli.recipes.finetune_run import FinetuneRun
from keras_transfer.cli.recipes.subspace_run import SubspaceRun

RUNS = {
    "adaptation": AdaptationRun,
    "finetune": FinetuneRun,
    "few_shot": FewShotRun,
    "subspace": SubspaceRun,
}
#: What the runs of a folder have in common.
SETTINGS = "recipe.json"
#: What a finished seed has; it is written last.
RESULT = "result.json"


def load(recipe, folder=None, data_dir=None):
    """The rows of a recipe.

    Args:
        recipe: A `Recipe`.
        folder: Folder of `.npz` files, or `None`.
        data_dir: Where TensorFlow Datasets keeps its data.

    Returns:
        `Domains`.

    Raises:
        ValueError: If there are no such data.
    """
    tests = RUNS[recipe.method.family].tests
    return domains_of_recipes.load(recipe.data, folder, data_dir, tests)


def prepared(recipe, domains, seed):
    """A run that is ready to train, everything random seeded."""
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(seed)
    rows = domains.drawn(recipe.data, seed)
    run = RUNS[recipe.method.family](recipe, rows, seed)
    run.prepare()
    return run


def run_recipe(recipe, domains, folder, seeds=None, verbose=True):
    """Trains and measures every seed that has not been.

    Args:
        recipe: A `Recipe`.
        domains: Its rows, see `load`.
        folder: Where everything goes: `seed_0/`, ..., `served/` and
            `results.json`.
        seeds: Instead of the recipe's.
        verbose: Whether bars are shown.

    Returns:
        What is in `results.json`, a dict.

    Raises:
        ValueError: If the folder holds runs of another recipe.
    """
    seeds = dict.fromkeys(recipe.seeds if seeds is None else seeds)
    _claim(folder, recipe)
    results = []
    for seed in seeds:
        path = folder / f"seed_{seed}" / RESULT
        if not path.exists():
            _run_seed(recipe, domains, seed, folder, verbose)
        results.append(json.loads(path.read_text("utf-8")))
    report = _report(recipe, results, folder)
    output.write_json(folder / "results.json", report)
    return report


def _config(recipe):
    return {"recipe": recipe.recipe.name, **recipe.settings()}


def _claim(folder, recipe):
    """Says whose runs a folder holds, or refuses those of others."""
    path, settings = folder / SETTINGS, _config(recipe)
    if path.exists():
        changed = _changed(json.loads(path.read_text("utf-8")), settings)
        if changed is not None:
            raise ValueError(
                f"{folder} holds runs of another version of this recipe: "
                f"{changed}. Give another --out, or remove the folder."
            )
    folder.mkdir(parents=True, exist_ok=True)
    output.write_json(path, settings)


def _changed(earlier, now, place=""):
    """The first setting that differs, in words, or `None`."""
    if earlier == now:
        return None
    if not (isinstance(earlier, dict) and isinstance(now, dict)):
        return f"{place} was {earlier!r} and is {now!r}"
    return next(
        found
        for key in {**earlier, **now}
        if (
            found := _changed(
                earlier.get(key),
                now.get(key),
                f"{place} {key}" if place else f"[{key}]",
            )
        )
    )


def _run_seed(recipe, domains, seed, folder, verbose):
    """Trains, measures, and writes the result when all else is written."""
    path = folder / f"seed_{seed}"
    run = prepared(recipe, domains, seed)
    config = _config(recipe)
    log = callbacks.RunLog(path, config, data=run.describe(), seed=seed)
    bar = EpochBar(f"{recipe.recipe.name}, seed {seed}", verbose)
    run.fit([log, bar])
    figures = {name: round(v, 4) for name, v in run.figures().items()}
    shares = {name: run.as_share(name, v) for name, v in figures.items()}
    if run.model is None:
        _write_facts(path, config, run, shares)
    else:
        log.record(**shares)
    _add_evidence(path, run, seed)
    _export(recipe, run, folder)
    output.write_json(
        path / RESULT,
        {"seed": seed, "seconds": round(run.seconds, 1), "figures": figures},
    )


def _write_facts(path, config, run, figures):
    """`run.json` as RunLog writes it, where Keras' `fit` has no part."""
    path.mkdir(parents=True, exist_ok=True)
    unknown = dict.fromkeys(("name", "parameters", "inputs", "outputs"))
    nothing = {"epoch": None, "value": None}
    facts = run_facts.of_run(
        "finished",
        {"config": config, "data": run.describe(), "seed": run.seed},
        {
            "trainer": None,
            "model": {"class": run_facts.class_of(run.fitted), **unknown},
            "optimizer": None,
            "loss": None,
        },
        _timings(run.seconds),
        budget={"epochs": None, "steps_per_epoch": None},
        best={"monitor": "loss", "mode": "min", **nothing},
        figures=figures,
    )
    run_folder.write_facts(path, facts)


def _timings(seconds):
    ended = datetime.datetime.now(datetime.UTC)
    started = ended - datetime.timedelta(seconds=seconds)
    return {
        "started": started.isoformat("T", "microseconds"),
        "ended": ended.isoformat("T", "microseconds"),
        "seconds": round(seconds, 3),
        "seconds_per_epoch": [],
    }


def _add_evidence(path, run, seed):
    evidence = run.evidence()
    if evidence:
        from keras_transfer import explain

        explain.record_evidence(path, **evidence, seed=seed)


def _export(recipe, run, folder):
    """Exports the model of the first seed; a repeated one is the same."""
    if recipe.export is None:
        return
    base = folder / "served" / (recipe.export.name or recipe.recipe.name)
    if (base / "1").exists():
        return
    names = recipe.export.class_names or run.domains.class_names
    export.save(
        run.model,
        base,
        class_names=None if names is None else list(names),
        signatures=recipe.export.signatures,
    )


def _report(recipe, results, folder):
    """What `results.json` holds."""
    names = list(results[0]["figures"])
    columns = {
        name: [result["figures"][name] for result in results] for name in names
    }
    served = sorted((folder / "served").glob("*/1"))
    figures = recipe.figures
    return {
        "recipe": recipe.recipe.name,
        "description": recipe.recipe.description,
        "reference": recipe.recipe.reference,
        "settings": recipe.settings(),
        "date": time.strftime("%Y-%m-%d"),
        "command": run_facts.command(),
        "versions": run_facts.versions(),
        "runs": results,
        "mean": {n: round(float(np.mean(c)), 4) for n, c in columns.items()},
        "spread": {
            name: round(float(np.std(column, ddof=1)), 4)
            for name, column in columns.items()
            if len(column) > 1
        },
        "recorded": figures
        and {
            "date": str(figures.date),
            "mean": figures.mean,
            "spread": figures.spread,
        },
        "saved_model": str(served[0]) if served else None,
        "seconds": round(sum(result["seconds"] for result in results), 1),
    }
