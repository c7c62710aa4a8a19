"""Which names the package shows, read from its `__init__.py` files."""

import ast
import importlib
import pathlib

import keras_transfer

ROOT = pathlib.Path(keras_transfer.__file__).parent


def packages():
    """Names of the public sub-packages, that is, folders with an `__init__`."""
    return sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))


def public_names():
    """All public names as `package.name`, sorted, without importing them."""
    return sorted(
        f"{package}.{name}"
        for package in packages()
        for name in _shown_by(ROOT / package / "__init__.py")
    )


def find(public_name):
    """The object behind a public name."""
    package, name = public_name.split(".")
    return getattr(importlib.import_module(f"keras_transfer.{package}"), name)


def _shown_by(path):
    """Names imported `as` themselves: the package's way to show a name."""
    return [
        alias.name
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    ]
