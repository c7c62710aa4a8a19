"""Folders of one's own images, as commands take them."""

import warnings


def add_option(option):
    """Adds `--skip-corrupt`, by a parser's `add_argument`."""
    option(
        "--skip-corrupt",
        action="store_true",
        help="leave damaged image files out instead of refusing them",
    )


def load(directory, arguments, reporter, **settings):
    """The folder, after a line for each file that was left out.

    Args:
        directory: Its path.
        arguments: The command's, with `skip_corrupt` and `seed`.
        reporter: Prints the lines.
        **settings: Passed to `data.image_folder`.

    Returns:
        A `data.ImageFolder`.

    Raises:
        ValueError: If the folder will not do.
    """
    from keras_transfer import data

    with warnings.catch_warnings():
        # What is skipped is printed as a line of the command's own.
        warnings.simplefilter("ignore", UserWarning)
        folder = data.image_folder(
            directory,
            seed=arguments.seed,
            on_corrupt="skip" if arguments.skip_corrupt else "error",
            **settings,
        )
    for path in folder.skipped:
        reporter.line(f"Skipped, damaged: {path}")
    return folder
