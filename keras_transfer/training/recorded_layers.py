"""Notes what layers take and return while a model runs."""

import contextlib
import typing

from keras import ops


class Call(typing.NamedTuple):
    """One call of a layer."""

    inputs: typing.Any
    outputs: typing.Any


@contextlib.contextmanager
def recorded(layers):
    """While open, lists the calls of layers, wherever they are.

    Args:
        layers: List of built layers.

    Yields:
        A list of lists of `Call`, one for each layer.
    """
    records = [[] for _ in layers]
    with contextlib.ExitStack() as stack:
        for layer, calls in zip(layers, records, strict=True):
            stack.enter_context(replaced_call(layer, _noting(calls)))
        yield records


@contextlib.contextmanager
def replaced_call(layer, make):
    """While open, a layer computes by `make(its own call)`."""
    stock = layer.call
    before = layer.__dict__.get("call")
    # Not by setattr, which Keras watches.
    layer.__dict__["call"] = make(stock)
    try:
        yield
    finally:
        # An attribute of the object hid the method of its class.
        del layer.__dict__["call"]
        if before is not None:
            layer.__dict__["call"] = before


def single_call(layer, calls):
    """The one call of a layer; an error if there were others, or none."""
    if len(calls) != 1:
        raise ValueError(
            f"The features are taken from layer {layer.name!r}, which the "
            f"model must call exactly once. Received {len(calls)} calls."
        )
    return calls[0]


def pooled(features):
    """Averages `(rows, ..., width)` over everything between."""
    rank = len(features.shape)
    if rank <= 2:
        return features
    return ops.mean(features, axis=tuple(range(1, rank - 1)))


def _noting(calls):
    def make(stock):
        def call(*args, **kwargs):
            outputs = stock(*args, **kwargs)
            # Inputs may come by their name, whatever that is.
            inputs = args[0] if args else next(iter(kwargs.values()))
            calls.append(Call(inputs, outputs))
            return outputs

        return call

    return make
