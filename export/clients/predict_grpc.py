#!/usr/bin/env python3
"""Asks the server over gRPC, which is the quickest way.

    pip install tensorflow-serving-api
    python predict_grpc.py flowers rose.jpg tulip.png

Prints one JSON object for each image: its outputs under their names. From
Python, `keras_transfer.export.Client` does more: arrays, retries, splitting.
"""

# ruff: noqa: T201
import argparse
import json
import sys

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

#: The server sends more than gRPC's default of 4 MB, if asked for it.
OPTIONS = [("grpc.max_receive_message_length", -1)]


def predict(server, model, label, images, timeout=30.0):
    """Sends encoded images to the signature `image_bytes`.

    Args:
        server: `"host:8500"`.
        model: Name of the model.
        label: Label of the version. Without one the newest version that is
            loaded would answer, which need not be the stable one.
        images: List of `bytes`, JPEG or PNG, of any sizes.
        timeout: Seconds to wait.

    Returns:
        List of dicts from output name to value, one for each image.

    Raises:
        grpc.RpcError: If the server does not answer or refuses.
    """
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.version_label = label
    request.model_spec.signature_name = "image_bytes"
    request.inputs["image_bytes"].CopyFrom(
        tf.make_tensor_proto(images, dtype=tf.string)
    )
    with grpc.insecure_channel(server, OPTIONS) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        answer = stub.Predict(request, timeout=timeout)
    outputs = {
        name: tf.make_ndarray(tensor)
        for name, tensor in sorted(answer.outputs.items())
    }
    return [
        {name: _plain(rows[index]) for name, rows in outputs.items()}
        for index in range(len(images))
    ]


def main():
    """Reads the command line, asks and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--server", default="127.0.0.1:8500")
    parser.add_argument("--label", default="stable")
    arguments = parser.parse_args()
    try:
        images = []
        for path in arguments.images:
            with open(path, "rb") as file:
                images.append(file.read())
        answers = predict(
            arguments.server, arguments.model, arguments.label, images
        )
    except grpc.RpcError as error:
        sys.exit(f"predict_grpc.py: {error.code().name}: {error.details()}")
    except OSError as error:
        sys.exit(f"predict_grpc.py: {error}")
    for path, answer in zip(arguments.images, answers, strict=True):
        print(json.dumps({"image": path, **answer}))


def _plain(value):
    """What JSON can hold."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    values = value.tolist()
    if value.dtype == object:
        return [_plain(item) for item in value]
    return values


if __name__ == "__main__":
    main()
