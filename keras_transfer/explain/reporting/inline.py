"""Figures as part of a page: SVG that follows its colours, or a PNG."""

import base64
import contextlib
import dataclasses
import io
import itertools
import re
import warnings
from xml.sax.saxutils import quoteattr

#: Of labels and axes; in a page it becomes the colour of the text.
_INK = "#010203"
_PIXELS_PER_INCH = 96
_PNG_DPI = 160
#: Characters of an SVG for which no PNG is tried.
_SMALL = 60_000

_STYLE = {
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": _INK,
    "font.family": ["sans-serif"],
    "legend.labelcolor": _INK,
    # A class may be named "$1".
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "keras_transfer",
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


@dataclasses.dataclass(frozen=True)
class Chart:
    """A figure for the page.

    Attributes:
        html: An `<svg>` or `<img>` element.
        alt: What it shows, for those who cannot see it.
        caption: Text under it, empty where the figure's own title says it.
        width: Pixels that it takes at most.
    """

    html: str
    alt: str
    caption: str
    width: int


def chart(draw, alt, caption="", is_photo=False):
    """Draws a figure and makes an element of it.

    The smaller of SVG and PNG is taken. Colours follow the page: in the dark,
    drawings are inverted with their hues kept, and photographs stay while
    their labels take the colour of the text.

    Args:
        draw: Function that returns a matplotlib figure.
        alt: What a reader who cannot see it is told.
        caption: Text under it, if its own title does not say it all.
        is_photo: Whether it shows photographs or colour scales, whose colours
            must stay.

    Returns:
        A `Chart`.
    """
    with _page_style():
        figure = draw()
        figure.draw_without_rendering()
        # Else everything is placed anew, twice for each format.
        figure.set_layout_engine("none")
        html = _svg(figure, alt, is_photo)
        if len(html) > _SMALL:
            html = min(html, _png(figure, alt, is_photo), key=len)
        width = round(figure.get_figwidth() * _PIXELS_PER_INCH)
    return Chart(html, alt, caption, width)


@contextlib.contextmanager
def _page_style():
    from matplotlib import rc_context

    with rc_context(_STYLE), warnings.catch_warnings():
        # The reader's fonts have what matplotlib's has not.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        yield


def _svg(figure, alt, is_photo):
    file = io.StringIO()
    figure.savefig(
        file,
        format="svg",
        transparent=True,
        metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
    )
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = _with_own_ids(_shortened(svg))
    svg = re.sub(
        r'<svg [^>]*?viewBox="([^"]*)"[^>]*>',
        lambda found: (
            f'<svg class="{_class(is_photo)}" viewBox="{found[1]}" role="img" '
            f"aria-label={quoteattr(alt)}>"
        ),
        svg,
        count=1,
    )
    return svg.replace(_INK, "currentColor" if is_photo else "#1b1e23")


def _png(figure, alt, is_photo):
    import matplotlib

    for text in figure.findobj(_has_ink):
        text.set_color("#808080" if is_photo else "#1b1e23")
    file = io.BytesIO()
    with matplotlib.rc_context({"savefig.transparent": True}):
        figure.savefig(
            file, format="png", dpi=_PNG_DPI, metadata={"Software": None}
        )
    data = base64.b64encode(file.getvalue()).decode("ascii")
    width, height = figure.get_size_inches() * _PIXELS_PER_INCH
    return (
        f'<img class="{_class(is_photo)}" alt={quoteattr(alt)} '
        f'width="{width:.0f}" height="{height:.0f}" '
        f'src="data:image/png;base64,{data}">'
    )


def _has_ink(artist):
    from matplotlib.text import Text

    return isinstance(artist, Text) and str(artist.get_color()) == _INK


def _class(is_photo):
    return "photo" if is_photo else "drawing"


def _shortened(svg):
    """Without what a browser does not need: a third of the size."""
    # In attributes alone: a number in a text is one of the figure.
    svg = re.sub(
        r'\b(?:d|x|y|points|transform)="[^"]*"',
        lambda found: re.sub(r"(\d\.\d\d)\d+", r"\1", found[0]),
        svg,
    )
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;\"]*", "font-family: inherit", svg)
    return re.sub(r"\s*\n\s*", "\n", svg)


_numbers = itertools.count(1)


def _with_own_ids(svg):
    """Ids that no other figure of the page has."""
    prefix = f"f{next(_numbers)}-"
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = re.sub(r'href="#', f'href="#{prefix}', svg)
    return re.sub(r"url\(#", f"url(#{prefix}", svg)
