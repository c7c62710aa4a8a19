"""Runs signatures in a graph and a session, the way TF Serving loads them.

    python -I graph_session.py JOB.json

The job is described in `job.py`. TensorFlow is imported, Keras and this package
are not: what this loader cannot find is not tracked, and the server will not
find it either. XLA is off, as on the server, where TensorFlow's C++ library can
be reached to say so (Linux).

Bad at: wrong inputs. Python refuses wrong shapes and casts wrong dtypes at the
feed, the server does neither; `c_api.py` is like the server.
"""

import ctypes
import pathlib
import runpy

import numpy as np


def load(job, disable_xla):
    """Loads the job's folder; see `job.main`."""
    import tensorflow as tf

    if job["library"] is not None:
        # The library is in the process already; this only finds it.
        disable_xla(ctypes.CDLL(job["library"]))
    session = tf.compat.v1.Session(graph=tf.Graph())
    tf.compat.v1.saved_model.load(session, job["tags"], job["folder"])

    def run(feeds, fetches):
        tensors = {
            key: session.graph.get_tensor_by_name(name)
            for key, name in fetches.items()
        }
        outputs = session.run(tensors, feeds)
        return {
            # A single string would become NumPy's bytes, without zeros at the
            # end.
            key: np.array(output, dtype=object)
            if tensors[key].dtype == tf.string
            else np.asarray(output)
            for key, output in outputs.items()
        }

    return run


def describe(error):
    """Code and message of an error of TensorFlow, else of Python."""
    import tensorflow as tf

    if not isinstance(error, tf.errors.OpError):
        return type(error).__name__, str(error)
    codes = {
        value: name
        for name, value in vars(tf.errors).items()
        if isinstance(value, int)
    }
    code = codes.get(error.error_code, str(error.error_code))
    return code, error.message


if __name__ == "__main__":
    shared = runpy.run_path(str(pathlib.Path(__file__).with_name("job.py")))
    shared["main"](load, describe)
