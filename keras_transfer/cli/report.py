"""`keras-transfer report`: one page of run folders."""

import pathlib


def add_parser(commands):
    """Adds the command and its options."""
    parser = commands.add_parser(
        "report",
        help="make one HTML page of run folders",
        description=(
            "Makes one self-contained HTML page of the folders that "
            "quickstart, adapt, finetune, run and callbacks.RunLog write."
        ),
    )
    parser.add_argument(
        "runs",
        nargs="+",
        type=pathlib.Path,
        metavar="RUN",
        help="a run folder, or a folder that holds some: runs/quickstart",
    )
    parser.add_argument(
        "--out",
        type=pathlib.Path,
        default=pathlib.Path("report.html"),
        metavar="FILE.html",
        help="where the page goes (default: %(default)s)",
    )
    parser.add_argument("--title", help="title of the page")
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object only"
    )
    parser.set_defaults(run=run)


def run(arguments, reporter):
    """Makes the page; returns what `--json` prints."""
    from keras_transfer.explain.report import checked_name
    from keras_transfer.explain.report import write
    from keras_transfer.explain.reporting import material
    from keras_transfer.explain.reporting import tables

    out = checked_name(arguments.out)
    found = material.gather(arguments.runs)
    path, entries = write(found, out, arguments.title), found.entries
    table = tables.runs(entries)
    reporter.table(table.headers, table.rows)
    size = path.stat().st_size
    reporter.line()
    reporter.line(f"{path}: {len(entries)} runs, {size / 1e6:.1f} MB")
    return {
        "report": str(path),
        "bytes": size,
        "runs": {entry.name: str(entry.run.path) for entry in entries},
    }
