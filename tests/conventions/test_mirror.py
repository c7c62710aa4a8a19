"""Every module has its tests where one looks for them."""

from tests.conventions import source

#: Modules without a test file of their own, with the reason.
WITHOUT = {
    "adaptation/fit_inputs.py": "every error of it is in "
    "test_domain_adaptation.py, through `fit`",
}


def _expected(file):
    parts = file.name.split("/")
    return "/".join([*parts[:-1], f"test_{parts[-1].lstrip('_')}"])


def _modules():
    return [
        file
        for file in source.files()
        if not file.path.name.startswith("__")
        and file.name != "_version.py"
        and file.name not in WITHOUT
    ]


def test_every_module_has_its_tests():
    complaints = [
        f"keras_transfer/{file.name}:1 has no tests/{_expected(file)}"
        for file in _modules()
        if not (source.TESTS / _expected(file)).exists()
    ]
    source.report(
        complaints,
        "Write them, or add the module to WITHOUT in "
        "tests/conventions/test_mirror.py with the reason.",
    )


def test_folders_of_tests_are_packages():
    folders = {path.parent for path in source.TESTS.rglob("test_*.py")}
    complaints = [
        f"tests/{folder.relative_to(source.TESTS)} has no __init__.py"
        for folder in sorted(folders)
        if not (folder / "__init__.py").exists()
    ]
    source.report(
        complaints, "Add one: files of equal name would shadow each other."
    )


def test_exceptions_are_still_needed():
    names = {file.name for file in source.files()}
    assert set(WITHOUT) <= names
