"""`keras-transfer rank`: which backbone suits one's own images."""

import pathlib

from keras_transfer.cli import options


def add_parser(commands):
    """Adds the command and its options."""
    parser = commands.add_parser(
        "rank",
        help="rank backbones for one's own labelled images, without training",
        description=(
            "Runs each backbone once over a folder of class folders and "
            "scores its features: a table, best first."
        ),
    )
    _add_options(parser.add_argument)
    parser.set_defaults(run=run)


def _add_options(option):
    option("--images", type=pathlib.Path, required=True, metavar="DIR")
    option(
        "--backbones",
        nargs="+",
        required=True,
        metavar="NAME",
        help="names of the zoo, handles or folders",
    )
    option(
        "--scores",
        nargs="+",
        metavar="SCORE",
        help="logme, h_score, regularized_h_score, transrate; the first one "
        "decides (default: logme h_score)",
    )
    option(
        "--rows",
        type=options.positive,
        default=1000,
        help="images that are looked at, drawn by --seed; a few hundred are "
        "often enough (default: %(default)s)",
    )
    option(
        "--size",
        type=options.positive,
        default=224,
        help="pixels on a side that images are loaded with; each backbone "
        "resizes them to its own (default: %(default)s)",
    )
    option("--batch-size", type=options.positive, default=32)
    option("--seed", type=int, default=0)
    option("--json", action="store_true", help="print one JSON object only")


def run(arguments, reporter):
    """Ranks, prints the table; returns what `--json` prints."""
    from keras_transfer import data
    from keras_transfer import zoo

    folder = data.image_folder(arguments.images, size=[arguments.size] * 2)
    rows = min(arguments.rows, folder.num_images)
    reporter.line(
        f"{rows} of {folder.num_images} images of "
        f"{len(folder.class_names)} classes."
    )
    images = folder.batches("train", 1, shuffle=True, seed=arguments.seed)
    # Kept, because each pass would draw others.
    images = images.unbatch().take(rows).batch(arguments.batch_size).cache()
    ranking = zoo.rank_backbones(
        arguments.backbones,
        images,
        arguments.scores,
        verbose=0 if reporter.as_json else 1,
    )
    reporter.line()
    reporter.table(*ranking.table())
    for note in ranking.notes:
        reporter.line(note)
    return ranking.to_dict()
