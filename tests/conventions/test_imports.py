"""What may import what."""

import subprocess
import sys

import pytest

from tests.conventions import source

#: Each sub-package may import those of the lines above its own.
LAYERS_OF_THE_PACKAGE = [
    ["ops"],
    ["schedules"],
    ["data"],
    ["layers", "losses"],
    ["alignment"],
    ["weighting"],
    ["training"],
    ["callbacks"],
    [
        "adaptation",
        "continual",
        "crossmodal",
        "finetune",
        "meta",
        "multitask",
        "subspace",
        "transferability",
    ],
    ["selection"],
    ["export", "zoo"],
    ["explain"],
    ["cli"],
]
LEVELS = {
    family: level
    for level, families in enumerate(LAYERS_OF_THE_PACKAGE)
    for family in families
}

#: Imports that point upwards, each with the reason.
ALLOWED = {
    ("layers/__init__.py", "alignment"): (
        "AlignmentLoss is a layer to its users; it is loaded on first use"
    ),
}

PURE = ("ops", "losses", "layers", "alignment", "schedules")
BACKENDS = ("tensorflow", "jax", "torch")
HEAVY = (
    "sklearn",
    "matplotlib",
    "ot",
    "tensorflow_hub",
    "tensorflow_datasets",
    "tf_keras_vis",
)


def test_every_sub_package_has_its_place():
    families = {file.family for file in source.files()} - {""}
    unknown = families - set(LEVELS)
    assert not unknown, (
        f"{sorted(unknown)} are not in LAYERS_OF_THE_PACKAGE in "
        "tests/conventions/test_imports.py: say there what they may import."
    )


def test_imports_run_one_way():
    complaints = []
    for file in source.files():
        for node, module in source.imports(file):
            parts = module.split(".")
            if not file.family or parts[0] != "keras_transfer":
                continue
            if parts[1] not in LEVELS or parts[1] == file.family:
                continue
            is_below = LEVELS[parts[1]] < LEVELS[file.family]
            if not is_below and (file.name, parts[1]) not in ALLOWED:
                complaints.append(f"{file.at(node)} imports {module}")
    source.report(
        complaints,
        "Imports run one way: ops, schedules, data, then layers and losses, "
        "alignment, weighting, the families, selection, zoo and export, "
        "explain, cli; a family never imports another. Move what two share "
        "further down.",
    )


def test_the_package_does_not_import_its_own_top():
    complaints = [
        f"{file.at(node)} imports the whole package"
        for file in source.files()
        for node, module in source.imports(file)
        if module == "keras_transfer"
    ]
    source.report(complaints, "Import the sub-package that is meant.")


def test_pure_maths_uses_keras_ops_only():
    complaints = [
        f"{file.at(node)} imports {module}"
        for file in source.files()
        if file.family in PURE
        for node, module in source.imports(file)
        if module.split(".")[0] in BACKENDS
    ]
    source.report(
        complaints,
        "These packages run on every Keras backend: use keras.ops.",
    )


def test_nothing_imports_the_insides_of_keras():
    complaints = [
        f"{file.at(node)} imports {module}"
        for file in source.files()
        for node, module in source.imports(file)
        if module.startswith("keras.src")
    ]
    complaints += [
        f"keras_transfer/{file.name} names keras.src"
        for file in source.files()
        if "keras.src" in file.text
    ]
    source.report(complaints, "keras.src moves without notice: use `keras`.")


def test_tests_for_every_backend_import_none():
    complaints = []
    for path in sorted(source.TESTS.rglob("test_*.py")):
        file = source.File(path, path.relative_to(source.TESTS).as_posix())
        if "\npytestmark = pytest.mark.any_backend" not in file.text:
            continue
        complaints += [
            f"tests/{file.name}:{node.lineno} imports {module}"
            for node, module in source.imports(file)
            if module.split(".")[0] in BACKENDS and node in file.tree.body
        ]
    source.report(
        complaints,
        "Modules marked any_backend must not need one: see tests/helpers.py.",
    )


WATCHED_IMPORT = """
import builtins
import sys

import keras  # which imports some of them itself

heavy = set(sys.argv[1].split(","))
original = builtins.__import__
found = set()


def watched(name, globals=None, *args, **kwargs):
    by = (globals or {}).get("__name__", "")
    if by.split(".")[0] == "keras_transfer" and name.split(".")[0] in heavy:
        found.add(f"{by} imports {name}")
    return original(name, globals, *args, **kwargs)


builtins.__import__ = watched
import keras_transfer

sys.exit("\\n".join(sorted(found)) if found else 0)
"""


def _watched(heavy):
    return subprocess.run(
        [sys.executable, "-c", WATCHED_IMPORT, ",".join(heavy)],
        capture_output=True,
        text=True,
    )


def test_importing_the_package_is_cheap():
    run = _watched(HEAVY)
    assert run.returncode == 0, (
        f"{run.stderr}\nImport these inside the function that needs them, or "
        "load the sub-package on first use as keras_transfer/__init__.py does."
    )


def test_the_watch_sees_imports():
    run = _watched(["tensorflow"])
    assert run.returncode == 1
    assert "keras_transfer.data.pair_domains imports tensorflow" in run.stderr


@pytest.mark.parametrize("exception", ALLOWED)
def test_exceptions_are_still_needed(exception):
    name, family = exception
    (file,) = [f for f in source.files() if f.name == name]
    modules = [module for _, module in source.imports(file)]
    assert any(m.startswith(f"keras_transfer.{family}") for m in modules)
