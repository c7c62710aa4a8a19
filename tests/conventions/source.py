"""The package as parsed files, for the tests of conventions."""

import ast
import dataclasses
import functools
import pathlib

import keras_transfer

PACKAGE = pathlib.Path(keras_transfer.__file__).parent
TESTS = pathlib.Path(__file__).parent.parent


@dataclasses.dataclass(frozen=True)
class File:
    """A parsed file of the package.

    Attributes:
        path: Where it is.
        name: Path below the package, as `ops/kernels.py`.
    """

    path: pathlib.Path
    name: str

    @functools.cached_property
    def text(self):
        return self.path.read_text("utf-8")

    @functools.cached_property
    def tree(self):
        return ast.parse(self.text)

    @property
    def family(self):
        """The sub-package, or `""` for the files beside it."""
        return self.name.split("/")[0] if "/" in self.name else ""

    def at(self, node):
        """`file:line`, as editors open it."""
        return f"keras_transfer/{self.name}:{node.lineno}"


def files():
    """All Python files of the package."""
    found = [
        File(path, path.relative_to(PACKAGE).as_posix())
        for path in sorted(PACKAGE.rglob("*.py"))
    ]
    assert found
    return found


def imports(file):
    """All imports of a file, also inside functions: `(node, module)`."""
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.at(node)} imports relatively"
            for alias in node.names:
                yield node, f"{node.module}.{alias.name}"


def report(complaints, how_to_mend):
    """Fails with one line for each place, and how to mend it."""
    assert not complaints, "\n".join(["", *complaints, how_to_mend])
