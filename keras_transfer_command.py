"""Entry point of the `keras-transfer` command.

Outside the package, because TensorFlow writes its own greetings to standard
error while it is imported, and bad input is answered with one line there.
"""

import contextlib
import os
import sys
import tempfile


def main():
    """Imports the command line quietly and starts it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _quiet_standard_error():
        from keras_transfer.cli.main import main as run
    return run()


@contextlib.contextmanager
def _quiet_standard_error():
    """Holds back standard error, of C++ code too; shows it on an exception."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(kept, 2)
            held_back.seek(0)
            os.write(2, held_back.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


if __name__ == "__main__":
    sys.exit(main())
