"""Signatures as SavedModels, run as a server would, without publishing."""

import numpy as np
import tensorflow as tf

from keras_transfer.export import probes
from keras_transfer.export import saved_model
from keras_transfer.export import signatures
from keras_transfer.export.served_model import ServedModel


def make(model, *names, **settings):
    """Dict from the names to the signatures of a model."""
    served = ServedModel(model)
    settings = signatures.Settings(**settings)
    return {name: signatures.make(name, served, settings) for name in names}


def write(folder, model, made):
    """Writes signatures as a SavedModel; the folder."""
    saved_model.write(folder, model, made, default=next(iter(made)))
    return folder


def run(folder, requests, loader=None):
    """Answers to `(signature, dict of arrays)`, all in one process.

    By default through the C API where it can be used: the same loader as of
    graph and session, in a process that starts quicker.
    """
    if loader is None:
        usable = probes.is_available("c_api")
        loader = "c_api" if usable else "graph_session"
    known = probes.signatures(folder)
    calls = [
        probes.Call(known[name].inputs, known[name].outputs, rows)
        for name, rows in requests
    ]
    return probes.run(loader, folder, calls)


def call(signature, rows):
    """The answer of the signature's graph in this process, as arrays."""
    tensors = {
        name: tf.constant(rows[name], spec.dtype)
        for name, spec in signature.specs.items()
    }
    outputs = tf.function(signature.function)(tensors)
    return {name: output.numpy() for name, output in outputs.items()}


def assert_same(found, expected, tolerance=1e-6):
    """Two dicts of outputs are equal, strings exactly."""
    assert set(found) == set(expected)
    for name, x in found.items():
        y = np.asarray(expected[name])
        assert x.shape == y.shape, name
        if x.dtype == object:
            assert x.tolist() == y.tolist(), name
        else:
            np.testing.assert_allclose(
                x, y, rtol=tolerance, atol=tolerance, err_msg=name
            )
