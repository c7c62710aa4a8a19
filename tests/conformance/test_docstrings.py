"""Docstrings are the specification, and their examples run."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import keras_transfer
from tests.conformance import public_objects

#: Without an example: abstract classes and records.
WITHOUT_EXAMPLE = {
    "schedules.AbstractSchedule": "cannot be made",
    "alignment.AbstractAlignment": "cannot be made",
    "subspace.SubspaceLayer": "cannot be made",
    "alignment.Representation": "a named tuple, shown with every term",
    "data.DigitDomains": "a named tuple, shown with its function",
}

EACH_NAME = pytest.mark.parametrize("name", public_objects.public_names())
EACH_MODULE = pytest.mark.parametrize(
    "module",
    sorted(
        module.name
        for module in pkgutil.walk_packages(
            keras_transfer.__path__, "keras_transfer."
        )
        if not module.name.endswith("__main__")
    )
    + ["keras_transfer"],
)


def _import(module):
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name.startswith("keras_transfer"):
            raise
        pytest.skip(f"the extra that brings {error.name} is not installed")


@EACH_MODULE
def test_examples_run(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(
        _import(module), optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert result.failed == 0, (
        f"{result.failed} examples in the docstrings of {module} give another "
        "result; the report above shows which."
    )


@EACH_MODULE
def test_modules_say_what_they_are(module):
    summary = (_import(module).__doc__ or "").strip().splitlines()
    assert summary or module.endswith("_version"), (
        f"{module} has no docstring. Say in its first line what it holds."
    )


@EACH_NAME
def test_summary_is_one_sentence_on_one_line(name):
    lines = (inspect.getdoc(public_objects.find(name)) or "").splitlines()
    assert lines, f"{name} has no docstring."
    assert lines[0].endswith("."), f"{name}: end the first line with a period."
    assert len(lines) == 1 or lines[1] == "", (
        f"{name}: leave a blank line after the one-line summary."
    )


@EACH_NAME
def test_arguments_are_described(name):
    documented = public_objects.find(name)
    docstring = inspect.getdoc(documented)
    if "Attributes:" in docstring and issubclass(documented, tuple):
        missing = [f for f in documented._fields if f"{f}:" not in docstring]
    else:
        missing = [
            argument
            for argument in _arguments(documented)
            if f"    {argument}:" not in docstring
        ]
        assert not _arguments(documented) or "\nArgs:\n" in docstring
    assert not missing, f"{name}: describe {missing} under `Args:`."


@EACH_NAME
def test_functions_say_what_they_return(name):
    documented = public_objects.find(name)
    if inspect.isfunction(documented):
        assert "\nReturns:\n" in inspect.getdoc(documented), (
            f"{name}: say under `Returns:` what comes back, with its shape."
        )


@EACH_NAME
def test_there_is_an_example(name):
    docstring = inspect.getdoc(public_objects.find(name))
    shown = "\nExample:\n" in docstring and ">>> " in docstring
    assert shown or name in WITHOUT_EXAMPLE, (
        f"{name}: add an `Example:` with lines that begin with `>>>`; it is "
        "run as a test."
    )


def _arguments(documented):
    parameters = inspect.signature(documented).parameters.values()
    return [
        p.name
        for p in parameters
        if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]
