"""What was done, in a sentence or two."""

from keras_transfer.explain.reporting import words

#: Runs whose names have room in a sentence.
_MOST_NAMES = 5


def summary(material):
    """Says what was trained, on what, and what came out.

    Args:
        material: A `Material`.

    Returns:
        A list of sentences.
    """
    entries = material.entries
    sentences = [f"{_trained(entries)}{_on(entries)}."]
    sentences += filter(None, [_accuracy(material), _chosen(material)])
    open_runs = [e for e in entries if e.facts["status"] != "finished"]
    if open_runs:
        names = words.listed(e.name for e in open_runs)
        verb = "has" if len(open_runs) == 1 else "have"
        sentences.append(f"{names} {verb} not come to an end.")
    return sentences


def chosen(material):
    """Names of the runs that the results name as chosen."""
    found = [r.get("chosen") for r in material.results]
    return [name for name in found if isinstance(name, str)]


def _trained(entries):
    kinds = dict.fromkeys(_kind(entry.facts) for entry in entries)
    what = f"{words.counted(len(entries), 'run')} of {words.listed(kinds)}"
    if 1 < len(entries) <= _MOST_NAMES:
        what += f" ({words.listed(entry.name for entry in entries)})"
    lengths = {entry.run.num_epochs for entry in entries}
    least, most = min(lengths), max(lengths)
    span = str(least) if least == most else f"{least} to {most}"
    each = " each" if len(entries) > 1 else ""
    noun = "epoch" if span == "1" else "epochs"
    seeds = {entry.facts["seed"] for entry in entries} - {None}
    seeded = ""
    if seeds:
        noun_of_seeds = "seed" if len(seeds) == 1 else "seeds"
        seeded = f", {noun_of_seeds} {words.listed(sorted(seeds))}"
    return f"{what}, {span} {noun}{each}{seeded}"


def _kind(facts):
    trained = facts["trainer"] or facts["model"]
    name = trained["class"].rpartition(".")[2]
    return "a plain model" if facts["trainer"] is None else name


def _on(entries):
    """The data, where they were described in one text for all."""
    found = {
        data if isinstance(data, str) else (data or {}).get("description")
        for data in (entry.facts["data"] for entry in entries)
        if not isinstance(data, list)
    }
    if len(found) != 1 or not isinstance(text := found.pop(), str):
        return ""
    return f", on {text.rstrip('.')}"


def _accuracy(material):
    """The best on the target beside the first run, if the data are one."""
    data = [entry.facts["data"] for entry in material.entries]
    if any(other != data[0] for other in data):
        return None
    found = {
        entry.name: entry.evidence.target.accuracy
        for entry in material.entries
        if entry.evidence and entry.evidence.target.accuracy is not None
    }
    if not found:
        return None
    best = max(found, key=found.get)
    text = (
        f"On the labelled target rows {best} is right in "
        f"{words.percent(found[best])}"
    )
    first = next(iter(found))
    if len(found) > 1 and first != best:
        text += f", {first} in {words.percent(found[first])}"
    return f"{text}."


def _chosen(material):
    names = chosen(material)
    if not names:
        return None
    by = [r.get("chosen_by") for r in material.results if r.get("chosen_by")]
    how = f" by {words.said(words.listed(by))}" if by else ""
    return f"{words.listed(names)} was chosen{how}."
