"""How the source reads."""

import ast
import re

from tests.conformance import public_objects
from tests.conventions import source

MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 40

#: Public classes in a file that is not named after them, with the reason.
SHARED_FILES = {
    "schedules.LinearRamp": "schedule.py holds the few small schedules",
    "schedules.SigmoidRamp": "schedule.py holds the few small schedules",
    "schedules.AbstractSchedule": "schedule.py, with its subclasses",
    "schedules.AnnealedLearningRate": "learning_rates.py holds such rates",
    "alignment.Representation": "the record that AbstractAlignment takes",
    "finetune.LoRA": "lora.py, as everybody writes it",
    "finetune.DoRA": "dora.py, as everybody writes it",
    "finetune.L2SP": "l2sp.py, as everybody writes it",
    "data.DigitDomains": "the record that digits_on_photos returns",
}


def test_only_the_command_line_prints():
    complaints = [
        f"{file.at(node)} prints"
        for file in source.files()
        if file.family != "cli"
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    source.report(complaints, "Log by name, show tqdm, or return the value.")


def test_no_assert():
    complaints = [
        f"{file.at(node)} asserts"
        for file in source.files()
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Assert)
    ]
    source.report(
        complaints, "`python -O` drops it: raise with _public.invalid_argument."
    )


def test_files_are_short():
    complaints = [
        f"keras_transfer/{file.name}:{lines} has {lines} lines"
        for file in source.files()
        if (lines := len(file.text.splitlines())) > MOST_LINES_OF_A_FILE
    ]
    source.report(
        complaints,
        f"At most {MOST_LINES_OF_A_FILE}: split the file by what it does.",
    )


def test_functions_are_short():
    complaints = [
        f"{file.at(node)} {node.name} has {lines} lines of code"
        for file in source.files()
        for node in ast.walk(file.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := _lines_of_code(file, node)) > MOST_LINES_OF_A_FUNCTION
    ]
    source.report(
        complaints,
        f"At most {MOST_LINES_OF_A_FUNCTION} without docstring, comments and "
        "blank lines: move a step into a function with a name.",
    )


def _lines_of_code(file, node):
    lines = set(range(node.lineno, node.end_lineno + 1))
    if ast.get_docstring(node) is not None:
        docstring = node.body[0]
        lines -= set(range(docstring.lineno, docstring.end_lineno + 1))
    texts = [file.text.splitlines()[line - 1].strip() for line in lines]
    return sum(1 for text in texts if text and not text.startswith("#"))


def test_public_classes_have_a_file_named_after_them():
    complaints = []
    for name in public_objects.public_names():
        shown = public_objects.find(name)
        if not isinstance(shown, type) or name in SHARED_FILES:
            continue
        stem = shown.__module__.split(".")[-1]
        # An abbreviation such as MAML is one word.
        starts = r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
        words = re.sub(starts, "_", shown.__name__).lower()
        if stem not in (words, *_word_ends(words)):
            complaints.append(f"{name} is in {stem}.py, not in {words}.py")
    source.report(
        complaints,
        "Rename the file, or add the class to SHARED_FILES with the reason.",
    )


def _word_ends(words):
    """`training_progress`: `progress` and `training` say enough."""
    parts = words.split("_")
    ends = {"_".join(parts[:size]) for size in range(1, len(parts))}
    return ends | {"_".join(parts[size:]) for size in range(1, len(parts))}


def test_one_public_class_per_file():
    shown = {}
    for name in public_objects.public_names():
        found = public_objects.find(name)
        if isinstance(found, type) and name not in SHARED_FILES:
            shown.setdefault(found.__module__, set()).add(found.__name__)
    complaints = [
        f"{module} holds {sorted(classes)}"
        for module, classes in shown.items()
        if len(classes) > 1
    ]
    source.report(complaints, "Give each public class a file of its own.")


def test_exceptions_are_still_needed():
    gone = set(SHARED_FILES) - set(public_objects.public_names())
    assert not gone, f"Remove {sorted(gone)} from SHARED_FILES."
