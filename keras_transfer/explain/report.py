"""One page that shows what was trained, and what came of it."""

import os
import pathlib

from keras_transfer import _files
from keras_transfer._public import invalid_argument
from keras_transfer.explain.reporting import material
from keras_transfer.explain.reporting import page
from keras_transfer.explain.reporting import sections
from keras_transfer.explain.reporting import sentence

#: Bytes of a page that can be sent by mail.
MOST_BYTES = 5_000_000


def report(runs, out, title=None):
    """Makes one HTML file of run folders, which needs nothing beside it.

    What was done in a sentence; a table of the runs; curves, confusion
    matrices, reliability, the features of both domains, class activation, the
    figures of transfer, the exported model, and what it takes to repeat it:
    as far as the folders hold it. A run folder is what `callbacks.RunLog`
    wrote, with the `evidence.npz` of `record_evidence`. Beside the runs,
    `results.json` is read (`chosen`, `chosen_by`, and `figures`, a dict), and
    the cards of exported models.

    The page loads nothing, runs no script, follows the reader's choice of
    light or dark, and prints. Charts are of the first six runs; tables have
    all.

    Bad at: hundreds of runs; what was never recorded.

    Args:
        runs: A run folder, a folder that holds some, or a list of these.
        out: Where the page goes, ending in `.html`.
        title: Of the page; by default from the names of the folders.

    Returns:
        `pathlib.Path` of the page.

    Raises:
        ValueError: If a folder holds no run or a file cannot be read.
        ImportError: If jinja2 is not installed.

    Example:

    >>> import pathlib, tempfile
    >>> import keras, numpy as np
    >>> import keras_transfer as kt
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> folder = pathlib.Path(tempfile.mkdtemp(), "first")
    >>> log = kt.callbacks.RunLog(folder)
    >>> x, y = np.ones((8, 3)), np.ones((8, 1))
    >>> history = model.fit(x, y, epochs=2, verbose=0, callbacks=[log])
    >>> kt.explain.report(folder, folder / "report.html").name
    'report.html'
    """
    out = checked_name(out)
    folders = [runs] if isinstance(runs, str | os.PathLike) else list(runs)
    return write(material.gather(folders), out, title)


def checked_name(out):
    """The path of the page.

    Raises:
        ValueError: If it does not end in `.html`.
    """
    out = pathlib.Path(out)
    if out.suffix.lower() not in (".html", ".htm"):
        raise invalid_argument("out", str(out), "a name that ends in .html")
    return out


def write(found, out, title=None):
    """Writes the page of what was gathered; returns its path.

    Args:
        found: A `Material`.
        out: `pathlib.Path` of the page.
        title: As of `report`.
    """
    made = sections.sections(found)
    _make_fit(made)
    html = page.render(
        title or f"Transfer report: {found.name}",
        sentence.summary(found),
        made,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    with _files.written_whole(out) as partial:
        partial.write_text(html, encoding="utf-8")
    return out


def _make_fit(made):
    """Leaves out the largest charts until the page is small enough."""
    room = 0.9 * MOST_BYTES
    places = [
        (section, charts, chart)
        for section in made
        for charts in (section.charts, *section.folded.values())
        for chart in charts
        if hasattr(chart, "html")
    ]
    size = sum(len(chart.html) for _, _, chart in places)
    places.sort(key=lambda place: len(place[2].html))
    while size > room:
        section, charts, chart = places.pop()
        charts.remove(chart)
        section.notes.append(
            f"Left out, as the page would be too large: {chart.alt}."
        )
        size -= len(chart.html)
