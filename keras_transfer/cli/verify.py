"""`keras-transfer verify`: what a server would make of a version."""

import pathlib

from keras_transfer.cli import model_file
from keras_transfer.cli import output


def add_parser(commands):
    """Adds the command and its options."""
    parser = commands.add_parser(
        "verify",
        help="load and run an exported version as TF Serving does",
        description=(
            "Loads a version folder of any origin in processes without Keras, "
            "runs its signatures, and says what a server would not like. "
            "Exit status 1 if anything fails."
        ),
    )
    parser.add_argument("folder", help="as served/flowers/1")
    parser.add_argument(
        "--against",
        type=pathlib.Path,
        metavar="FILE.keras",
        help="a model to compare the answers with",
    )
    parser.add_argument(
        "--trust",
        action="store_true",
        help="load a model file that holds a SavedModel or other code",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        help="largest difference that passes (default: that of the export, "
        "or 1e-5)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object only"
    )
    parser.set_defaults(run=run)


def run(arguments, reporter):
    """Verifies and prints the checks."""
    from keras_transfer import export

    against = arguments.against
    if against is not None:
        against = model_file.load(against, arguments.trust)
    report = export.verify(arguments.folder, against, arguments.tolerance)
    print_report(reporter, report)
    if not report.passed:
        reporter.status = output.FAILED
    return report.to_dict()


def print_report(reporter, report):
    """Prints the checks, and what they add up to."""
    from keras_transfer.export.check import STATUSES

    # No table: a rule as long as the longest text would fill the screen.
    width = max(len(check.name) for check in report.checks)
    for check in report.checks:
        line = f"{check.status}  {check.name:{width}}  {check.text}"
        reporter.line(line.rstrip())
    compared = (
        f"largest difference {report.largest_difference:.2g}"
        if report.differences
        else "nothing was compared"
    )
    counts = {
        status: sum(c.status == status for c in report.checks)
        for status in STATUSES
    }
    reporter.line()
    reporter.line(
        f"{report.path}: "
        + ", ".join(f"{n} {status}" for status, n in counts.items() if n)
        + f"; {compared}; {report.seconds:.0f} s"
    )
