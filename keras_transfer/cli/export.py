"""`keras-transfer export`: a `.keras` file as the next version to serve."""

import pathlib

from keras_transfer.cli import model_file
from keras_transfer.cli import options
from keras_transfer.cli import output
from keras_transfer.cli import verify


def add_parser(commands):
    """Adds the command and its options."""
    parser = commands.add_parser(
        "export",
        help="export a .keras file as the next version of a served model",
        description=(
            "Writes FOLDER/VERSION for TF Serving, tried out in processes "
            "without Keras before it is published."
        ),
    )
    option = parser.add_argument
    option("model", type=pathlib.Path, metavar="MODEL.keras")
    # Text, as pathlib would take a slash from a URL.
    option("folder", help="as served/flowers")
    option(
        "--class-names",
        type=pathlib.Path,
        metavar="FILE.txt",
        help="names of the classes, one on a line, in the order of the labels",
    )
    option(
        "--signatures",
        default="predict",
        help="separated by commas, of predict, image_bytes, features, "
        "classify, regress; the first is serving_default too (default: "
        "%(default)s)",
    )
    option(
        "--activation",
        default="auto",
        choices=("auto", "softmax", "sigmoid", "none"),
    )
    option("--features", help="layer for the signature features")
    option("--on-invalid", default="error", choices=("error", "mask"))
    option("--batching", type=options.positive, metavar="ROWS")
    option(
        "--trust",
        action="store_true",
        help="load a file that holds a SavedModel or other code",
    )
    option("--json", action="store_true", help="print one JSON object only")
    parser.set_defaults(run=run)


def run(arguments, reporter):
    """Exports and prints what was verified."""
    from keras_transfer import export

    settings = _settings(arguments)
    model = model_file.load(arguments.model, arguments.trust)
    try:
        report = export.save(model, arguments.folder, **settings)
    except export.VerificationError as error:
        report = error.report
        reporter.line(str(error))
        reporter.status = output.FAILED
    verify.print_report(reporter, report)
    return report.to_dict()


def _settings(arguments):
    activation = arguments.activation
    signatures = [name.strip() for name in arguments.signatures.split(",")]
    names = arguments.class_names
    if names is not None:
        lines = names.read_text("utf-8-sig").splitlines()
        names = [line.strip() for line in lines if line.strip()]
    return {
        "class_names": names,
        "signatures": signatures,
        "default_signature": signatures[0],
        "activation": None if activation == "none" else activation,
        "features": arguments.features,
        "on_invalid": arguments.on_invalid,
        "batching": arguments.batching,
    }
