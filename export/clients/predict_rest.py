#!/usr/bin/env python3
"""Asks the server over REST; needs Python alone.

    python predict_rest.py flowers rose.jpg tulip.png

Prints one JSON object for each image: its outputs under their names.
"""

# ruff: noqa: T201
import argparse
import base64
import json
import sys
import urllib.error
import urllib.parse
import urllib.request


def predict(server, model, label, images, timeout=30.0):
    """Sends encoded images to the signature `image_bytes`.

    Args:
        server: URL of the REST port.
        model: Name of the model.
        label: Label of the version. Without one the newest version that is
            loaded would answer, which need not be the stable one.
        images: List of `bytes`, JPEG or PNG, of any sizes.
        timeout: Seconds to wait.

    Returns:
        List of dicts from output name to value, one for each image.

    Raises:
        RuntimeError: With the server's own words.
    """
    name, label = (urllib.parse.quote(part, safe="") for part in (model, label))
    encoded = [{"b64": base64.b64encode(image).decode()} for image in images]
    contents = {
        "signature_name": "image_bytes",
        "inputs": {"image_bytes": encoded},
    }
    request = urllib.request.Request(
        f"{server.rstrip('/')}/v1/models/{name}/labels/{label}:predict",
        json.dumps(contents).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            outputs = json.load(response)["outputs"]
    except urllib.error.HTTPError as error:
        with error:
            said = error.read().decode(errors="replace")
        raise RuntimeError(f"The server answers {error.code}: {said}") from None
    except urllib.error.URLError as error:
        raise RuntimeError(f"No server at {server}: {error.reason}") from None
    if not isinstance(outputs, dict):  # a single output comes without a name
        outputs = {"output": outputs}
    rows = zip(*outputs.values(), strict=True)
    return [dict(zip(outputs, row, strict=True)) for row in rows]


def main():
    """Reads the command line, asks and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--server", default="http://127.0.0.1:8501")
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
    except (OSError, RuntimeError) as error:
        sys.exit(f"predict_rest.py: {error}")
    for path, answer in zip(arguments.images, answers, strict=True):
        print(json.dumps({"image": path, **answer}))


if __name__ == "__main__":
    main()
