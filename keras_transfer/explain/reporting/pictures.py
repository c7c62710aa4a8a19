"""The charts of a report, each made of what the runs recorded."""

import collections

import numpy as np

from keras_transfer.explain.attribution_pictures import attribution_pictures
from keras_transfer.explain.class_distance_chart import class_distance_chart
from keras_transfer.explain.class_distances import class_distances
from keras_transfer.explain.confusion_matrices import confusion_matrices
from keras_transfer.explain.feature_maps import feature_maps
from keras_transfer.explain.learning_curves import learning_curves
from keras_transfer.explain.reliability_diagram import reliability_diagram
from keras_transfer.explain.reporting import inline
from keras_transfer.explain.reporting import words

#: Runs that are drawn one by one; a table has room for all.
MOST_RUNS = 6
#: Rows of each domain in a map of features: more hide each other.
MOST_POINTS = 250
MOST_IMAGES = 6
_VALIDATION = "val_"


def curves(entries):
    """A chart for each metric, with a line for each run.

    Returns:
        Two lists: of the metrics that all runs have, and of the others.
    """
    histories = {entry.name: _history(entry) for entry in entries}
    histories = {name: found for name, found in histories.items() if found}
    counts = collections.Counter(
        metric for found in histories.values() for metric in _metrics(found)
    )
    charts = [], []
    for metric, count in counts.items():
        made = inline.chart(
            lambda metric=metric: learning_curves(histories, [metric]),
            f"{words.said(metric)} over epochs, a line for each run",
        )
        charts[count < len(histories)].append(made)
    return charts


def confusions(entries, domain):
    """A confusion matrix of each run with labelled rows of the domain."""
    found = _labelled(entries, domain)
    return [
        inline.chart(
            lambda name=name, pair=pair, names=names: confusion_matrices(
                {name: pair}, names
            ),
            f"Confusion matrix of {name}: true classes down, predicted "
            "classes across",
        )
        for name, (pair, names) in found.items()
    ]


def reliability(entries, domain):
    """A reliability diagram of each run with labelled rows of the domain."""
    found = _labelled(entries, domain)
    return [
        inline.chart(
            lambda name=name, pair=pair: reliability_diagram({name: pair}),
            f"Reliability diagram of {name}: accuracy over confidence",
        )
        for name, (pair, _) in found.items()
    ]


def features(entries):
    """The features of both domains in a plane, for each run that has them."""
    from threadpoolctl import threadpool_limits  # of scikit-learn

    charts = []
    for entry in _with_features(entries)[:MOST_RUNS]:
        parts = [_some_features(d) for d in _domains(entry)]
        pairs, labels = zip(*parts, strict=True)
        is_labelled = any(found is not None for found in labels)
        # So few rows: several threads wait for each other, busily.
        with threadpool_limits(1):
            charts.append(
                inline.chart(
                    lambda e=entry, pairs=pairs, labels=labels: feature_maps(
                        {e.name: pairs},
                        labels={e.name: labels},
                        class_names=e.evidence.class_names,
                    ),
                    f"Features of {entry.name} by t-SNE: source and target"
                    + (", below by class" if is_labelled else ""),
                )
            )
    return charts


def distances(entries):
    """How far the domains lie apart in each class; none without labels."""
    found = {}
    for entry in _with_features(entries):
        source, target = _domains(entry)
        if source.labels is None or target.labels is None:
            continue
        try:
            found[entry.name] = class_distances(
                source.features,
                source.feature_labels,
                target.features,
                target.feature_labels,
                _num_classes(entry),
            )
        except ValueError:
            continue  # features without any spread: a collapsed model
    if not found or len({len(values) for values in found.values()}) > 1:
        return []
    names = entries[0].evidence.class_names if entries[0].evidence else None
    return [
        inline.chart(
            lambda: class_distance_chart(found, names),
            "Distance of the domains' class means in the features, a marker "
            "for each run",
            "Distance of the domains, class by class: the nearer the better",
        )
    ]


def attributions(entries, domain):
    """Where the models look: the same images for all runs if they are."""
    groups = {}
    for entry in entries[:MOST_RUNS]:
        if entry.evidence is None:
            continue
        seen = getattr(entry.evidence, domain)
        if seen.images is None or seen.maps is None:
            continue
        key = seen.images.shape, seen.images.tobytes()
        groups.setdefault(key, []).append((entry.name, seen))
    return [_attribution_chart(group, domain) for group in groups.values()]


def _attribution_chart(group, domain):
    first = group[0][1]
    images = first.images[:MOST_IMAGES]
    maps = {name: seen.maps[:MOST_IMAGES] for name, seen in group}
    titles = None
    if first.labels is not None:
        numbers = first.labels[first.image_rows[:MOST_IMAGES]]
        titles = [f"class {number}" for number in numbers]
    names = words.listed(maps)
    return inline.chart(
        lambda: attribution_pictures(images, maps, titles),
        f"Grad-CAM of {names} on {len(images)} {domain} images",
        is_photo=True,
    )


def _history(entry):
    """Metrics without gaps, as the chart takes them."""
    return {
        name: [np.nan if value is None else value for value in values]
        for name, values in entry.run.history.items()
        if name not in ("epoch", "learning_rate")
    }


def _metrics(history):
    return dict.fromkeys(name.removeprefix(_VALIDATION) for name in history)


def _domains(entry):
    return entry.evidence.source, entry.evidence.target


def _labelled(entries, domain):
    """Dict from a title to `((labels, probabilities), class names)`."""
    found = {}
    for entry in entries:
        if entry.evidence is None:
            continue
        seen = getattr(entry.evidence, domain)
        if seen.labels is not None and seen.probabilities is not None:
            pair = seen.labels, seen.probabilities
            title = f"{entry.name}, {entry.evidence.word(domain)}"
            found[title] = pair, entry.evidence.class_names
    return dict(list(found.items())[:MOST_RUNS])


def _with_features(entries):
    return [
        entry
        for entry in entries
        if entry.evidence is not None
        and all(d.features is not None for d in _domains(entry))
    ]


def _some_features(seen):
    """Features and labels of a few rows, drawn as the rows themselves were."""
    step = max(1, -(-len(seen.features) // MOST_POINTS))
    labels = seen.feature_labels
    return (
        seen.features[::step],
        None if labels is None else labels[::step],
    )


def _num_classes(entry):
    rows = entry.evidence.source.probabilities
    return None if rows is None else rows.shape[1]
