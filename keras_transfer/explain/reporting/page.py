"""From sections to a page."""

import datetime

from keras_transfer import _version
from keras_transfer.explain.reporting import inline
from keras_transfer.explain.reporting import tables

_TEMPLATE = "report.html.jinja"
_PACKAGE = "keras_transfer.explain.reporting"


def render(title, summary, sections):
    """Fills the template.

    Args:
        title: Of the page.
        summary: List of sentences.
        sections: List of `Section`.

    Returns:
        The HTML, a string.

    Raises:
        ImportError: If jinja2 is not installed.
    """
    try:
        import jinja2
        import markupsafe
    except ImportError as error:
        raise ImportError(
            'The report needs jinja2: pip install "keras-transfer[explain]"'
        ) from error
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Made here, and escaped there: matplotlib's own SVG.
    environment.filters["markup"] = lambda chart: markupsafe.Markup(chart.html)
    environment.tests["chart"] = lambda thing: isinstance(thing, inline.Chart)
    environment.tests["table"] = lambda thing: isinstance(thing, tables.Table)
    now = datetime.datetime.now(datetime.UTC)
    return environment.get_template(_TEMPLATE).render(
        title=title,
        summary=summary,
        sections=sections,
        version=_version.__version__,
        made=f"{now:%Y-%m-%d %H:%M} UTC",
    )
