"""`keras-transfer run`: from a recipe to its figures."""

import pathlib


def add_parser(commands):
    """Adds the command and its options."""
    parser = commands.add_parser(
        "run",
        help="run recipes: TOML files that say what to train",
        description=(
            "Trains and measures what each recipe says, once for each seed, "
            "with deterministic operations: the same seed on the same machine "
            "gives the same figures. Seeds that have been run are not "
            "repeated. Writes OUT/NAME/results.json, run folders for "
            "keras-transfer report, and the exported model."
        ),
    )
    _add_options(parser.add_argument)
    parser.set_defaults(run=run)


def _add_options(option):
    option("recipes", nargs="+", type=pathlib.Path, metavar="RECIPE.toml")
    option(
        "--data",
        type=pathlib.Path,
        metavar="DIR",
        help="folder of .npz files to read instead of TensorFlow Datasets",
    )
    option(
        "--data-dir",
        type=pathlib.Path,
        metavar="DIR",
        help="where TensorFlow Datasets keeps its data",
    )
    option(
        "--out",
        type=pathlib.Path,
        default=pathlib.Path("runs/recipes"),
        metavar="DIR",
        help="each recipe gets a folder of its name there "
        "(default: %(default)s)",
    )
    option(
        "--seeds",
        type=_seed,
        nargs="+",
        metavar="SEED",
        help="instead of those of the recipe",
    )
    option(
        "--dry-run",
        action="store_true",
        help="check the recipe, load its data, build its model; train nothing",
    )
    option("--json", action="store_true", help="print one JSON object only")


def _seed(text):
    import argparse

    if not text.isdigit():
        raise argparse.ArgumentTypeError(
            f"expected an integer from 0, received {text!r}"
        )
    return int(text)


def run(arguments, reporter):
    """Runs every recipe; returns what `--json` prints."""
    import tensorflow as tf

    from keras_transfer.cli.recipes import domains
    from keras_transfer.cli.recipes.read_recipe import read_recipe

    # All of them first: the last one's mistake must not wait for hours.
    recipes = [(path, read_recipe(path)) for path in arguments.recipes]
    folders = [
        domains.folder_of(recipe.data, path, arguments.data)
        for path, recipe in recipes
    ]
    tf.config.experimental.enable_op_determinism()
    act = _build if arguments.dry_run else _train
    return {
        "recipes": [
            act(recipe, folder, arguments, reporter)
            for (_, recipe), folder in zip(recipes, folders, strict=True)
        ]
    }


def _build(recipe, folder, arguments, reporter):
    """Everything up to the training."""
    from keras_transfer.cli.recipes import run_recipe

    rows = run_recipe.load(recipe, folder, arguments.data_dir)
    seed = (arguments.seeds or recipe.seeds)[0]
    described = run_recipe.prepared(recipe, rows, seed).describe()
    reporter.line(f"{recipe.recipe.name}: {described}")
    return {"recipe": recipe.recipe.name, "ready": described}


def _train(recipe, folder, arguments, reporter):
    from keras_transfer.cli.recipes import run_recipe

    reporter.line(f"{recipe.recipe.name}: {recipe.recipe.description}")
    report = run_recipe.run_recipe(
        recipe,
        run_recipe.load(recipe, folder, arguments.data_dir),
        arguments.out / recipe.recipe.name,
        arguments.seeds,
        verbose=not reporter.as_json,
    )
    _print(reporter, report, arguments.out / recipe.recipe.name)
    return report


def _print(reporter, report, folder):
    """The table; times apart, because no two runs have the same."""
    names = list(report["mean"])
    rows = [
        [f"seed {run['seed']}", *_cells(run["figures"], names)]
        for run in report["runs"]
    ]
    if report["spread"]:
        rows.append(["mean", *_cells(report["mean"], names)])
        rows.append(["standard deviation", *_cells(report["spread"], names)])
    recorded = report["recorded"]
    if recorded is not None:
        title = f"recorded {recorded['date']}"
        rows.append([title, *_cells(recorded["mean"], names)])
    reporter.line()
    reporter.table(["", *[name.replace("_", " ") for name in names]], rows)
    reporter.line()
    if report["saved_model"]:
        reporter.line(f"saved model  {report['saved_model']}")
    reporter.line(f"results      {folder / 'results.json'}")
    reporter.line(f"report       keras-transfer report {folder}")


def _cells(figures, names):
    return [
        f"{figures[name]:.2f}" if name in figures else "-" for name in names
    ]
