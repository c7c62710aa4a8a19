"""Where the commands log what they train."""

#: Folder of the run folders, beside a command's other results.
RUNS = "runs"
#: Images of each domain whose class activation is recorded.
NUM_PICTURED = 6


def fresh(out, name, **settings):
    """A `RunLog` in a folder of its own, emptied of an earlier run.

    Args:
        out: `pathlib.Path` of the command's results.
        name: Of the run.
        **settings: Of `callbacks.RunLog`.

    Returns:
        A `callbacks.RunLog`.
    """
    from keras_transfer.callbacks import RunLog
    from keras_transfer.callbacks import run_folder

    folder = out / RUNS / name
    log = RunLog(folder, **settings)
    # The folder is the command's own, whatever it held.
    run_folder.clear(folder)
    return log
