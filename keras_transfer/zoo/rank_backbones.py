"""Which backbone will do best, before any of them is trained."""

import os
import time
from collections.abc import Mapping

import keras
import numpy as np
from tqdm import tqdm

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.data import checks
from keras_transfer.transferability.h_score import h_score
from keras_transfer.transferability.h_score import regularized_h_score
from keras_transfer.transferability.leep import leep
from keras_transfer.transferability.logme import logme
from keras_transfer.transferability.nce import nce
from keras_transfer.transferability.transrate import transrate
from keras_transfer.zoo import embedding
from keras_transfer.zoo.load import load
from keras_transfer.zoo.load import pull
from keras_transfer.zoo.ranking import Ranking

#: Scores of features and labels.
OF_FEATURES = {
    "logme": logme,
    "h_score": h_score,
    "regularized_h_score": regularized_h_score,
    "transrate": transrate,
}
#: Scores of the source classes' probabilities and labels.
OF_CLASSIFIERS = {"leep": leep, "nce": nce}
TASKS = ("classification", "regression")


def rank_backbones(
    candidates,
    data,
    scores=None,
    *,
    task="classification",
    classifiers=None,
    batch_size=32,
    offline=None,
    verbose=1,
):
    """Ranks backbones by how well their features suit labelled rows.

    Each backbone is loaded, sees all rows once, in inference mode, and is
    let go; every score is computed from these features:

        backbone(backbone.preprocessing(x)) -> features -> scores

    A few hundred rows are often enough. `leep` and `nce` are scores of a
    source classifier and need its probabilities: see `classifiers`. A
    candidate without one gets "-" for them.

    Bad at: telling apart candidates of nearly equal score; candidates that
    need much fine-tuning, since they are judged frozen; and for `h_score` and
    `transrate`, few rows, where wide features win by chance.

    Args:
        candidates: List of names, each as for `zoo.load`; or a dict from any
            name to such a name, a Keras layer or model, or a function of a
            batch that returns features. Models of `zoo.load` bring their
            `preprocessing`; others get the rows as they are.
        data: Pair of arrays `(x, y)`, a `tf.data.Dataset` of batches
            `(x, y)`, or the result of `data.image_folder`, whose training
            part counts. A dataset is read once for each candidate; its order
            may change, its rows must not. Images are pixels from 0 to 255.
        scores: Names of scores, the first of which decides the order:
            `"logme"`, `"h_score"`, `"regularized_h_score"`, `"transrate"`,
            `"leep"`, `"nce"`. By default `("logme", "h_score")`, and in
            regression `("logme",)`, which is the only one there.
        task: `"classification"` or `"regression"`.
        classifiers: Dict from the name of a candidate to its source
            classifier: a layer, model or function from features to logits or
            probabilities of the source classes. For a candidate that gives
            class scores itself, `keras.layers.Identity()`.
        batch_size: Rows at a time; a dataset has its own.
        offline: As for `zoo.load`.
        verbose: 0 for no progress bar.

    Returns:
        A `zoo.Ranking`; `print` shows its table.

    Raises:
        ValueError: If a name or score is unknown, or data or features are
            not as they must be.

    Example:

    >>> import keras, numpy as np
    >>> from keras_transfer import zoo
    >>> y = np.arange(60) % 3
    >>> noise = np.random.default_rng(0).normal(size=(60, 3))
    >>> x = np.concatenate([np.eye(3)[y] + 0.1 * noise, noise], axis=1)
    >>> ranking = zoo.rank_backbones(
    ...     {"noise": lambda x: x[:, 3:], "signal": lambda x: x[:, :3]},
    ...     (x, y),
    ...     verbose=0,
    ... )
    >>> ranking.names
    ['signal', 'noise']
    """
    candidates = _by_name(candidates)
    classifiers = dict(classifiers or {})
    scores = _checked_scores(scores, task)
    for name in classifiers:
        if name not in candidates:
            raise unknown_name("classifiers", name, candidates)
    embedding.check_data(data)
    for candidate in candidates.values():
        if isinstance(candidate, (str, os.PathLike)):
            # A mistake in the last name is found before the first one runs.
            pull(candidate, offline=offline, verbose=verbose)
    progress = tqdm(
        candidates.items(), "Ranking", unit=" backbones", disable=not verbose
    )
    rows, labels = [], None
    for name, candidate in progress:
        begin = time.perf_counter()
        if isinstance(candidate, (str, os.PathLike)):
            candidate = load(candidate, offline=offline)
        embedded = embedding.embed(candidate, data, batch_size)
        labels = _same_labels(labels, embedded.labels)
        row = _row(name, candidate, embedded)
        row["scores"] = _scored(embedded, scores, task, classifiers.get(name))
        row["seconds"] = time.perf_counter() - begin
        rows.append(row)
    rows.sort(key=lambda row: _descending(row["scores"][scores[0]]))
    return Ranking(rows, scores, len(labels), _notes(rows, scores))


def _same_labels(before, labels):
    """Labels in order; refuses a dataset that gives new rows each time."""
    labels = np.sort(labels, axis=0)
    if before is None or np.array_equal(before, labels):
        return labels
    raise ValueError(
        "The dataset gave one backbone other rows than the one before, so "
        "that their scores do not compare. Draw the rows once, for example "
        "by `.cache()` behind `.take(...)`."
    )


def _row(name, candidate, embedded):
    """What the table says of a candidate beside its scores and seconds."""
    checks.check_finite(
        [embedded.features], f"What the backbone {name!r} gives"
    )
    is_layer = isinstance(candidate, keras.Layer)
    return {
        "name": name,
        "features": embedded.features.shape[1],
        "parameters": candidate.count_params() if is_layer else None,
        "milliseconds_per_row": 1e3 * embedded.seconds_per_row,
    }


def _by_name(candidates):
    if isinstance(candidates, (str, os.PathLike)):
        candidates = [candidates]
    if not isinstance(candidates, Mapping):
        names = [str(name) for name in candidates]
        if len(set(names)) < len(names):
            raise invalid_argument("candidates", names, "different names")
        candidates = dict(zip(names, names, strict=True))
    if not candidates:
        raise invalid_argument("candidates", candidates, "at least one")
    for name, candidate in candidates.items():
        is_name = isinstance(candidate, (str, os.PathLike))
        if not is_name and not callable(candidate):
            raise invalid_argument(
                "candidates",
                {name: candidate},
                "names of backbones, Keras layers or models, or functions",
            )
    return dict(candidates)


def _checked_scores(scores, task):
    if task not in TASKS:
        raise unknown_name("task", task, TASKS)
    known = (*OF_FEATURES, *OF_CLASSIFIERS)
    if task == "regression":
        known = ("logme",)
    if scores is None:
        scores = tuple(s for s in ("logme", "h_score") if s in known)
    scores = (scores,) if isinstance(scores, str) else tuple(scores)
    if not scores or len(set(scores)) < len(scores):
        raise invalid_argument("scores", scores, "one or more different names")
    for score in scores:
        if score not in known:
            raise unknown_name("scores", score, known)
    return scores


def _scored(embedded, scores, task, classifier):
    features, labels = embedded.features, embedded.labels
    probabilities = None
    if classifier is not None and set(scores) & set(OF_CLASSIFIERS):
        probabilities = _probabilities(classifier, features)
    found = dict.fromkeys(scores)
    for score in scores:
        if score == "logme":
            found[score] = logme(features, labels, task)
        elif score in OF_FEATURES:
            found[score] = OF_FEATURES[score](features, labels)
        elif probabilities is not None:
            found[score] = OF_CLASSIFIERS[score](probabilities, labels)
    return found


def _probabilities(classifier, features):
    is_layer = isinstance(classifier, keras.Layer)
    options = {"training": False} if is_layer else {}
    given = np.asarray(classifier(features, **options), "float64")
    if given.ndim != 2 or given.shape[1] < 2:
        raise invalid_argument(
            "classifiers",
            f"scores of shape {given.shape}",
            "one score for each source class, shape (rows, num_classes)",
        )
    if given.min() >= 0 and np.allclose(given.sum(axis=1), 1.0, atol=1e-3):
        return given
    given = np.exp(given - given.max(axis=1, keepdims=True))
    return given / given.sum(axis=1, keepdims=True)


def _descending(score):
    """Best first; what has no score comes last."""
    return (score is None, 0.0 if score is None else -score)


def _notes(rows, scores):
    missing = [
        score
        for score in scores
        if any(row["scores"][score] is None for row in rows)
    ]
    if not missing:
        return ()
    return (
        f"- {' and '.join(missing)}: needs the probabilities of a source "
        "classifier, which this backbone has not got (see `classifiers`).",
    )
