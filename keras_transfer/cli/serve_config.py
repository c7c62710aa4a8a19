"""`keras-transfer serve-config`: the server's config for a folder."""


def add_parser(commands):
    """Adds the command and its options."""
    parser = commands.add_parser(
        "serve-config",
        help="write the models.config of TF Serving for a folder of models",
        description=(
            "Names every model of a folder, the versions to load and their "
            "labels. A file that exists keeps all that it says; models that "
            "it does not name are added."
        ),
    )
    option = parser.add_argument
    option("folder", metavar="FOLDER", help="as served, of served/flowers/1")
    option("--out", metavar="FILE", help="where to write (default: print it)")
    option(
        "--prefix",
        metavar="PATH",
        help="where the server finds FOLDER, as /models in a container",
    )
    option("--json", action="store_true", help="print one JSON object only")
    parser.set_defaults(run=run)


def run(arguments, reporter):
    """Writes or prints the config; returns what `--json` prints."""
    from keras_transfer.export.versioning import models_config
    from keras_transfer.export.versioning.server_config import server_config

    text = server_config(arguments.folder, arguments.out, arguments.prefix)
    entries = models_config.read(text)
    if arguments.out is None:
        reporter.line(text.rstrip("\n"))
    else:
        reporter.table(
            ["model", "base path", "versions", "labels"],
            [_row(entry) for entry in entries],
        )
        reporter.line(f"Written: {arguments.out}")
    return {
        "out": arguments.out,
        "config": text,
        "models": [
            {
                "name": entry.name,
                "base_path": entry.base_path,
                "policy": entry.policy,
                "versions": list(entry.versions),
                "labels": entry.labels,
            }
            for entry in entries
        ],
    }


def _row(entry):
    policy = {"latest": "newest {}", "all": "all", "specific": "{}"}
    numbers = ", ".join(map(str, entry.versions))
    labels = [f"{name}={number}" for name, number in entry.labels.items()]
    return [
        entry.name,
        entry.base_path,
        policy[entry.policy].format(numbers),
        ", ".join(labels) or "-",
    ]
