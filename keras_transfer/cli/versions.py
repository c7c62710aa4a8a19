"""`keras-transfer versions`: which version clients get, and which are kept."""

import dataclasses
import pathlib

from keras_transfer.cli import options


def add_parser(commands):
    """Adds the command with its own commands."""
    parser = commands.add_parser(
        "versions",
        help="list, promote, roll back and prune versions of a served model",
        description=(
            "Works on the folder of a served model and on the server's "
            "models.config: the one given, else one beside the folder or one "
            "above. Clients ask for the label stable."
        ),
    )
    parser.add_argument("base", metavar="BASE", help="as served/flowers")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_list(verbs)
    _add_promote(verbs)
    _add_rollback(verbs)
    _add_prune(verbs)
    for verb in verbs.choices.values():
        option = verb.add_argument
        option("--config", metavar="FILE", help="the server's models.config")
        option("--model", metavar="NAME", help="name of the model in it")
        option("--json", action="store_true", help="print one JSON object only")


def run_list(arguments, reporter):
    """Lists the versions."""
    from keras_transfer.export.versioning.versions import versions

    found = versions(arguments.base, **_place(arguments))
    _print(found, reporter)
    return {"versions": [_as_json(version) for version in found]}


def run_promote(arguments, reporter):
    """Moves the labels to a version."""
    from keras_transfer.export.versioning.versions import promote

    change = promote(
        arguments.base,
        arguments.number,
        server=arguments.server,
        finish=arguments.finish,
        timeout=arguments.timeout,
        **_place(arguments),
    )
    return _show(change, arguments, reporter)


def run_rollback(arguments, reporter):
    """Moves the labels back."""
    from keras_transfer.export.versioning.versions import rollback

    change = rollback(
        arguments.base,
        server=arguments.server,
        timeout=arguments.timeout,
        **_place(arguments),
    )
    return _show(change, arguments, reporter)


def run_prune(arguments, reporter):
    """Removes old versions."""
    from keras_transfer.export.versioning.versions import prune

    pruned = prune(arguments.base, arguments.keep, **_place(arguments))
    for number in pruned.removed:
        reporter.line(f"removed version {number}")
    for name in pruned.cleaned:
        reporter.line(f"removed {name}, left by a crash")
    for number, reason in pruned.refused.items():
        reporter.line(f"kept version {number}: {reason}")
    if not (pruned.removed or pruned.cleaned):
        reporter.line("Nothing to remove.")
    return dataclasses.asdict(pruned)


def _add_list(verbs):
    parser = verbs.add_parser("list", help="versions, labels, what is served")
    parser.set_defaults(run=run_list)


def _add_promote(verbs):
    parser = verbs.add_parser("promote", help="make a version the stable one")
    parser.add_argument("number", type=int, metavar="N")
    parser.add_argument(
        "--finish",
        action="store_true",
        help="second step: move the labels, when the server has the version",
    )
    _add_server(parser.add_argument)
    parser.set_defaults(run=run_promote)


def _add_rollback(verbs):
    parser = verbs.add_parser(
        "rollback",
        help="let stable and previous change places; a second one undoes it",
    )
    _add_server(parser.add_argument)
    parser.set_defaults(run=run_rollback)


def _add_prune(verbs):
    parser = verbs.add_parser("prune", help="remove old versions")
    parser.add_argument(
        "--keep",
        type=options.positive,
        default=3,
        metavar="K",
        help="how many of the newest stay (default: %(default)s)",
    )
    parser.set_defaults(run=run_prune)


def _add_server(option):
    option(
        "--server",
        metavar="HOST:8501",
        help="REST port of the server, to wait until it has the version",
    )
    option(
        "--timeout",
        type=options.positive,
        default=300,
        metavar="SECONDS",
        help="how long to wait for the server (default: %(default)s)",
    )


def _place(arguments):
    return {"config": arguments.config, "model": arguments.model}


def _show(change, arguments, reporter):
    from keras_transfer.export.versioning.versions import versions

    _print(versions(arguments.base, **_place(arguments)), reporter)
    if not change.is_finished:
        reporter.line(change.next_step)
    return dataclasses.asdict(change)


def _print(found, reporter):
    if not found:
        reporter.line("There are no versions.")
        return
    reporter.table(
        ["version", "labels", "served", "created (UTC)", "size"],
        [
            [
                version.number,
                ", ".join(version.labels) or "-",
                version.problem or ("yes" if version.is_served else "no"),
                f"{version.created:%Y-%m-%d %H:%M}",
                f"{version.size / 1e6:.1f} MB",
            ]
            for version in found
        ],
    )


def _as_json(version):
    values = dataclasses.asdict(version)
    return {
        **values,
        "path": str(pathlib.Path(version.path)),
        "created": version.created.isoformat(),
    }
