"""The tables of a report."""

import dataclasses

from keras_transfer.explain.expected_calibration_error import (
    expected_calibration_error,
)
from keras_transfer.explain.reporting import words

_VALIDATION = "val_"
#: A nest of settings is shown this deep; below it as text.
_DEEPEST = 3


@dataclasses.dataclass(frozen=True)
class Table:
    """Cells as text.

    Attributes:
        headers: List of texts; the first column names the row.
        rows: List of lists of texts.
        caption: What it shows.
        marked: Numbers of the rows that stand out.
        is_of_numbers: Whether all columns but the first are set to the right.
    """

    headers: list
    rows: list
    caption: str
    marked: tuple = ()
    is_of_numbers: bool = True


def runs(entries, chosen=()):
    """One row for each run: how it went and what came out.

    Args:
        entries: Tuple of `Entry`.
        chosen: Names of the runs that stand out.

    Returns:
        A `Table`.
    """
    columns = {"epochs": [_epochs(e) for e in entries]}
    columns |= {
        f"best {monitor} (epoch)": [_best(e, monitor) for e in entries]
        for monitor in dict.fromkeys(
            e.facts["best"]["monitor"] for e in entries
        )
    }
    columns |= _accuracies(entries)
    columns |= _figures(entries, columns)
    columns["time"] = [
        words.duration(e.facts["timings"]["seconds"]) for e in entries
    ]
    columns["seed"] = [words.number(e.facts["seed"]) for e in entries]
    if any(entry.facts["status"] != "finished" for entry in entries):
        columns["status"] = [entry.facts["status"] for entry in entries]
    return Table(
        headers=["run", *columns],
        rows=[
            [entry.name, *cells]
            for entry, *cells in zip(entries, *columns.values(), strict=True)
        ],
        caption="The runs side by side",
        marked=tuple(n for n, e in enumerate(entries) if e.name in chosen),
    )


def means(results):
    """Means over seeds, as `keras-transfer run` writes them.

    Args:
        results: Tuple of dicts, as of `Material`.

    Returns:
        A list of at most one `Table`.
    """
    found = [r for r in results if isinstance(r.get("mean"), dict)]
    names = list(dict.fromkeys(name for r in found for name in r["mean"]))
    if not names:
        return []
    rows = [
        [
            str(r.get("recipe", words.NOTHING)),
            words.number(len(r.get("runs") or ())),
            *(_spread(r, name) for name in names),
        ]
        for r in found
    ]
    headers = ["recipe", "seeds", *map(words.said, names)]
    return [Table(headers, rows, "Mean and standard deviation over the seeds")]


def last_epoch(entries):
    """What was logged in the last epoch of each run."""
    names = dict.fromkeys(
        name for e in entries for name in e.run.history if name != "epoch"
    )
    return Table(
        headers=["run", *(_metric(name) for name in names)],
        rows=[
            [
                entry.name,
                *(words.number(_last(entry.run.history, n)) for n in names),
            ]
            for entry in entries
        ],
        caption="Metrics of the last epoch",
    )


def predictions(entries):
    """Accuracy and calibration on the rows that were recorded."""
    rows = []
    for entry in entries:
        for domain in ("source", "target"):
            seen = entry.evidence and getattr(entry.evidence, domain)
            if not seen or seen.accuracy is None:
                continue
            error = expected_calibration_error(seen.labels, seen.probabilities)
            confidence = float(seen.probabilities.max(axis=1).mean())
            rows.append(
                [
                    entry.name,
                    entry.evidence.word(domain),
                    words.number(len(seen.labels)),
                    words.percent(seen.accuracy),
                    words.percent(confidence),
                    words.number(error),
                ]
            )
    return Table(
        headers=[
            "run",
            "domain",
            "rows",
            "accuracy",
            "mean confidence",
            "calibration error",
        ],
        rows=rows,
        caption="Predictions on the recorded rows",
    )


def records(entries):
    """Figures that are records themselves, as of negative transfer."""
    tables = []
    names = dict.fromkeys(
        name
        for entry in entries
        for name, value in entry.facts["figures"].items()
        if isinstance(value, dict)
    )
    for name in names:
        found = {
            entry.name: entry.facts["figures"][name]
            for entry in entries
            if isinstance(entry.facts["figures"].get(name), dict)
        }
        keys = list(dict.fromkeys(key for f in found.values() for key in f))
        tables.append(
            Table(
                headers=["run", *map(words.said, keys)],
                rows=[
                    [run, *(_figure(key, figures.get(key)) for key in keys)]
                    for run, figures in found.items()
                ],
                caption=words.said(name).capitalize(),
            )
        )
    return tables


def signatures(card):
    """The inputs of each signature of an exported model."""
    return Table(
        headers=["signature", "input", "shape", "dtype"],
        rows=[
            [name, key, _shape(spec["shape"]), spec["dtype"]]
            for name, specs in card.get("signatures", {}).items()
            for key, spec in specs.items()
        ],
        caption="Signatures",
        is_of_numbers=False,
    )


def properties(facts, caption):
    """Keys and values of a nest, one a row."""
    return Table(
        headers=["", ""],
        rows=[[key, value] for key, value in flattened(facts).items()],
        caption=caption,
        is_of_numbers=False,
    )


def settings(entries, facts_of, caption):
    """Keys and values of several runs: those in common, and the others.

    Args:
        entries: Tuple of `Entry`.
        facts_of: Function from an entry to its nest of settings.
        caption: What they are.

    Returns:
        A list of `Table`.
    """
    found = [flattened(facts_of(entry)) for entry in entries]
    keys = dict.fromkeys(key for values in found for key in values)
    same, different = [], []
    for key in keys:
        cells = [values.get(key, words.NOTHING) for values in found]
        if len(set(cells)) == 1:
            same.append([key, cells[0]])
        else:
            different.append([key, *cells])
    names = [entry.name for entry in entries]
    made = [
        Table(["", ""], same, caption, is_of_numbers=False),
        Table(
            ["", *names],
            different,
            f"{caption}: what differs between the runs",
            is_of_numbers=False,
        ),
    ]
    return [table for table in made if table.rows]


def flattened(facts, prefix="", depth=1):
    """A nest as a flat dict of texts, without what is not known."""
    if not isinstance(facts, dict):
        return {"": _cell(facts)}
    flat = {}
    for key, value in facts.items():
        name = f"{prefix}{words.said(key)}"
        if isinstance(value, dict) and value and depth < _DEEPEST:
            flat |= flattened(value, f"{name}, ", depth + 1)
        elif value is not None:
            flat[name] = _cell(value)
    return flat


def _spread(results, name):
    mean = words.number(results["mean"].get(name))
    spread = (results.get("spread") or {}).get(name)
    if spread is None:
        return mean
    return f"{mean} \N{PLUS-MINUS SIGN} {words.number(spread)}"


def _figure(key, value):
    if key.endswith("interval") and isinstance(value, list):
        return " to ".join(map(words.number, value))
    return _cell(value)


def _cell(value):
    if isinstance(value, list):
        return ", ".join(map(_cell, value)) or words.NOTHING
    if isinstance(value, dict):
        pairs = (f"{words.said(k)} {_cell(v)}" for k, v in value.items())
        return "; ".join(pairs) or words.NOTHING
    return words.number(value)


def _epochs(entry):
    planned = entry.facts["budget"]["epochs"]
    done = entry.run.num_epochs
    if planned is None or planned == done:
        return words.number(done)
    return f"{done} of {planned}"


def _best(entry, monitor):
    best = entry.facts["best"]
    if best["monitor"] != monitor or best["value"] is None:
        return words.NOTHING
    return f"{words.number(best['value'])} ({best['epoch'] + 1})"


def _accuracies(entries):
    columns = {}
    for domain in ("source", "target"):
        found = [
            e.evidence and getattr(e.evidence, domain).accuracy for e in entries
        ]
        if any(value is not None for value in found):
            columns[f"{domain} accuracy"] = list(map(words.percent, found))
    return columns


def _figures(entries, columns):
    """Figures that are numbers or texts, but for what is shown already."""
    names = dict.fromkeys(
        name
        for entry in entries
        for name, value in entry.facts["figures"].items()
        if not isinstance(value, dict | list)
    )
    shown = {}
    for name in names:
        values = [entry.facts["figures"].get(name) for entry in entries]
        if not _joined(values, columns):
            shown[words.said(name)] = list(map(words.number, values))
    return shown


def _joined(values, columns):
    """Puts shares into the column that has them already, if there is one."""
    if not all(value is None or isinstance(value, float) for value in values):
        return False
    cells = list(map(words.percent, values))
    for column in columns.values():
        pairs = list(zip(cells, column, strict=True))
        differ = any(
            cell != known and words.NOTHING not in (cell, known)
            for cell, known in pairs
        )
        if not differ and any(c == k != words.NOTHING for c, k in pairs):
            column[:] = [
                cell if known == words.NOTHING else known
                for cell, known in pairs
            ]
            return True
    return False


def _last(history, name):
    known = [v for v in history.get(name, ()) if v is not None]
    return known[-1] if known else None


def _metric(name):
    is_validation = name.startswith(_VALIDATION)
    word = words.said(name.removeprefix(_VALIDATION))
    return f"{word}, validation" if is_validation else word


def _shape(shape):
    return " × ".join("any" if n is None else str(n) for n in shape) or "one"
