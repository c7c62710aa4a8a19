"""`keras-transfer quickstart`: the whole way on real data, offline."""

import pathlib

EPOCHS = 20
STEPS_PER_EPOCH = 75
BATCH_SIZE = 32


def add_parser(commands):
    """Adds the command and its options."""
    parser = commands.add_parser(
        "quickstart",
        help="adapt a digit classifier to digits over photographs",
        description=__doc__,
    )
    parser.add_argument(
        "--out",
        type=pathlib.Path,
        default=pathlib.Path("runs/quickstart"),
        metavar="DIR",
        help="folder for the results (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object only"
    )
    parser.set_defaults(run=run)


def run(arguments, reporter):
    """Trains, compares, chooses, saves; returns what `--json` prints."""
    import keras

    from keras_transfer import data
    from keras_transfer.cli import adaptation_run

    seed = arguments.seed
    keras.utils.set_random_seed(seed)
    reporter.line(
        "Source: handwritten digits, labelled. Target: other digits over "
        "photographs, no labels."
    )
    domains = data.digits_on_photos(seed)
    task = adaptation_run.Task(
        pairs=data.pair_domains(
            domains.source,
            domains.target,
            batch_size=BATCH_SIZE,
            seed=seed,
            steps_per_epoch=STEPS_PER_EPOCH,
        ),
        source_test=domains.source_test,
        target=domains.target,
        target_test=domains.target_test,
        description="handwritten digits as the source and digits over "
        "photographs as the target, which is learnt from without labels",
    )
    settings = adaptation_run.Settings(
        epochs=EPOCHS,
        seed=seed,
        features="features",
        batch_norm="separate",
        verbose=not reporter.as_json,
    )
    results = adaptation_run.compare(
        terms(), digit_model(), task, settings, reporter, arguments.out
    )
    report = _save(arguments.out, domains, results, settings.features)
    _print(reporter, report)
    return report


def terms():
    """The methods that are compared, with their terms."""
    from keras_transfer import alignment

    return {
        "source_only": None,
        "dann": alignment.DomainAdversarial(),
        "dan": alignment.MeanDiscrepancy(weight=3.0),
        # CORAL is a mean over width^2 entries and small by nature.
        "deep_coral": alignment.CorrelationAlignment(weight=30.0),
    }


def digit_model():
    """A small convolutional network for 28x28 RGB, pixels 0..255 in."""
    from keras_transfer.cli.recipes import networks

    return networks.digits((28, 28, 3), num_classes=10)


def _save(out, domains, results, features):
    from keras_transfer.cli import adaptation_run
    from keras_transfer.cli.scores import accuracy

    images, labels = domains.target_test
    scores = [adaptation_run.probabilities(r.model, images) for r in results]
    table = [
        {
            "method": result.method,
            "source_test": result.source_accuracy,
            "target_test": accuracy(probabilities, labels),
            **result.row(),
        }
        for result, probabilities in zip(results, scores, strict=True)
    ]
    _record(results, scores, table, labels)
    pictured = (
        domains.source_test[0],
        images[:: len(images) // len(domains.source_test[0])],
    )
    return adaptation_run.save(
        out, "digits", results, table, pictured, features
    )


def _record(results, scores, table, labels):
    """Adds to the run folders what takes the target's labels to know."""
    from keras_transfer import transferability
    from keras_transfer.cli import adaptation_run

    for result, found, row in zip(results, scores, table, strict=True):
        result.log.record(target_test=row["target_test"])
        if result is not results[0] and not any(
            compared.score == adaptation_run.LOWEST_SCORE
            for compared in (result, results[0])
        ):
            gap = transferability.negative_transfer_gap(
                found, scores[0], None, labels
            )
            result.log.record(negative_transfer_gap=gap)


def _print(reporter, report):
    from keras_transfer.cli import adaptation_run

    adaptation_run.print_table(reporter, report["table"])
    reporter.line(
        f"Chosen without target labels, by {report['chosen_by']} (nats, higher "
        f"is better): {report['chosen']}"
    )
    adaptation_run.print_paths(reporter, report)
    reporter.line()
    reporter.line("Now your own images (class folders, and any images):")
    reporter.line(
        "  keras-transfer adapt --source photos/ --target new_photos/ "
        "--out runs/mine"
    )
