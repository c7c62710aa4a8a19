"""`keras-transfer zoo`: backbones listed, described and fetched."""

import pathlib
import shlex
import sys


def add_parser(commands):
    """Adds the command with its own commands."""
    parser = commands.add_parser(
        "zoo", help="list, describe and fetch pretrained backbones"
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_list(verbs)
    _add_info(verbs)
    _add_pull(verbs)
    for verb in verbs.choices.values():
        verb.add_argument(
            "--json", action="store_true", help="print one JSON object only"
        )


def run_list(arguments, reporter):
    """Lists the cards that match."""
    from keras_transfer import zoo

    cards = zoo.list_backbones(
        arguments.pattern,
        task=arguments.task,
        license=arguments.license,
        source=arguments.source,
    )
    if cards:
        headers = ["name", "task", "input", "features", "parameters", "licence"]
        reporter.table(headers, [_row(card) for card in cards])
    reporter.line(f"{len(cards)} backbone{'' if len(cards) == 1 else 's'}")
    return {"backbones": [card.to_dict() for card in cards]}


def run_info(arguments, reporter):
    """Describes one backbone."""
    from keras_transfer import zoo
    from keras_transfer.zoo import card_text

    card = _card_in(arguments.name) or zoo.find_card(arguments.name)
    reporter.line(card_text.plain(card))
    return card.to_dict()


def run_pull(arguments, reporter):
    """Fetches one backbone."""
    from keras_transfer import zoo

    if arguments.cache or arguments.mirror:
        _refuse_for_keras_weights(arguments.name)
    # A progress bar is for a person; in a log it would hide the error's line.
    watched = sys.stderr.isatty() and not reporter.as_json
    folder = zoo.pull(
        arguments.name,
        cache=arguments.cache,
        offline=arguments.offline or None,
        mirror=arguments.mirror,
        verbose=int(watched),
    )
    reporter.line(folder or "Keras keeps these weights in its own cache.")
    setting = _setting(folder, arguments.cache)
    if setting:
        reporter.line(f"To load it from there: export {setting}")
    return {"name": arguments.name, "folder": folder}


def _card_in(name):
    """The card of a SavedModel that `zoo.save` wrote, or `None`."""
    from keras_transfer.zoo import registry

    return registry.card_in(name) if pathlib.Path(name).is_dir() else None


def _refuse_for_keras_weights(name):
    from keras_transfer.zoo import registry

    card = registry.card_for(name)
    if card is not None and card.source in ("keras_applications", "keras_hub"):
        raise ValueError(
            f"--cache and --mirror do not reach {card.name!r}: Keras "
            "downloads these weights itself. Leave them out, and set "
            "KERAS_HOME for another folder."
        )


def _setting(folder, cache):
    """The environment variable that makes another process find the folder."""
    if folder is None or cache is None:
        return None
    path, cache = pathlib.Path(folder).resolve(), cache.resolve()
    if cache not in path.parents:  # it was on this machine before
        return None
    is_kaggle = cache / "models" in path.parents
    name = "KAGGLEHUB_CACHE" if is_kaggle else "TFHUB_CACHE_DIR"
    return f"{name}={shlex.quote(str(cache))}"


def _add_list(verbs):
    parser = verbs.add_parser("list", help="backbones by name, task, licence")
    parser.add_argument(
        "pattern", nargs="?", default="*", help='as "*efficientnet*"'
    )
    parser.add_argument("--task", help="image, text, audio or video")
    parser.add_argument("--license", metavar="SPDX", help="as apache-2.0")
    parser.add_argument(
        "--source", help="tfhub, keras_applications, keras_hub or shipped"
    )
    parser.set_defaults(run=run_list)


def _add_info(verbs):
    parser = verbs.add_parser("info", help="all that is known about one")
    parser.add_argument(
        "name", help="name of a backbone, its handle, or a folder of zoo.save"
    )
    parser.set_defaults(run=run_info)


def _add_pull(verbs):
    parser = verbs.add_parser("pull", help="fetch one, to work offline then")
    parser.add_argument(
        "name", help="name of a backbone, URL, Kaggle handle or archive"
    )
    parser.add_argument("--cache", type=pathlib.Path, metavar="DIR")
    parser.add_argument(
        "--offline", action="store_true", help="only look whether it is there"
    )
    parser.add_argument("--mirror", metavar="URL", help="instead of the host")
    parser.set_defaults(run=run_pull)


def _row(card):
    from keras_transfer.zoo import card_text

    facts = card_text.facts(card)
    return [
        card.name,
        card.task,
        facts.get("input", "-"),
        card.features or "-",
        facts.get("parameters", "-"),
        card.license or "-",
    ]
