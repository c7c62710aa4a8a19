"""Numbers and lists as a reader wants them."""

import math

NOTHING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def number(value):
    """A number with four digits that count; a dash where there is none."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if not isinstance(value, float):
        return str(value)
    if not math.isfinite(value):
        return str(value)
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.3g}".replace("-", MINUS)
    digits = 3 if abs(value) < 10 else 1
    return f"{value:,.{digits}f}".replace("-", MINUS)


def percent(share):
    """A share in per cent; a dash where there is none."""
    return NOTHING if share is None else f"{100 * share:.1f} %"


def duration(seconds):
    """A time in the units that a person would use."""
    if seconds is None:
        return NOTHING
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def moment(text):
    """An ISO time without its fractions, as `2026-11-30 02:51 UTC`."""
    if not text:
        return NOTHING
    return text[:16].replace("T", " ") + " UTC"


def listed(names):
    """Names in a sentence: "a, b and c"."""
    *most, last = map(str, names)
    return f"{', '.join(most)} and {last}" if most else last


def counted(count, noun):
    """A count with its noun: "1 run", "4 runs"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def said(key):
    """A key of a file as words."""
    return str(key).replace("_", " ")
