"""Recipes of closed-form alignment, with a classifier of scikit-learn."""

import numpy as np

from keras_transfer import subspace
from keras_transfer.cli.recipes.abstract_run import AbstractRun

_LAYERS = {
    "pca": subspace.PCA,
    "coral": subspace.Coral,
    "subspace_alignment": subspace.SubspaceAlignment,
    "geodesic_flow_kernel": subspace.GeodesicFlowKernel,
    "transfer_component_analysis": subspace.TransferComponentAnalysis,
}
#: What the C of SVMs is chosen of: the grid of Sun et al., 2016.
_GRID = np.logspace(-3, 2, 6)


class SubspaceRun(AbstractRun):
    """Fits on the source's side of a layer, measures on the target's."""

    tests = ("target",)

    def prepare(self):
        method, domains = self.recipe.method, self.domains
        (self.source,) = scaled(method.scaling, domains.source[0])
        self.target, self.test = scaled(
            method.scaling, domains.target[0], domains.target_test[0]
        )
        self.layer = None
        if method.layer != "none":
            settings = {}
            if method.dimensions is not None:
                settings["dimensions"] = method.dimensions
            self.layer = _LAYERS[method.layer](**settings)
        self.classifier = _classifier(method.classifier)

    @property
    def fitted(self):
        return self.classifier if self.layer is None else self.layer

    def _fit(self, callbacks):
        source, labels = self.source, self.domains.source[1]
        if self.layer is not None:
            self.layer.adapt(source, self.target)
            source = np.asarray(self.layer(source, domain="source"), "float64")
        self.classifier.fit(source, labels)

    def figures(self):
        rows, labels = self.test, self.domains.target_test[1]
        if self.layer is not None:
            rows = np.asarray(self.layer(rows, domain="target"), "float64")
        return {"target_test": 100.0 * self.classifier.score(rows, labels)}


def scaled(steps, rows, *others):
    """Rows of one domain after each of the steps.

    Args:
        steps: Names, see `Subspace.scaling`.
        rows: The rows that means and deviations are taken of.
        *others: Further rows of the domain, which are scaled alike.

    Returns:
        A list of float64 arrays `(rows, width)`.
    """
    parts = [
        np.asarray(part, "float64").reshape(len(part), -1)
        for part in (rows, *others)
    ]
    for step in steps:
        parts = _STEPS[step](parts)
    return parts


def _divide_by_sum(parts):
    return [
        part / np.maximum(part.sum(axis=1, keepdims=True), 1.0)
        for part in parts
    ]


def _z_scores(parts):
    mean, spread = parts[0].mean(axis=0), parts[0].std(axis=0)
    spread = np.where(spread == 0, 1.0, spread)
    return [(part - mean) / spread for part in parts]


def _unit_length(parts):
    lengths = [np.linalg.norm(part, axis=1, keepdims=True) for part in parts]
    return [
        part / np.where(length > 0, length, 1.0)
        for part, length in zip(parts, lengths, strict=True)
    ]


_STEPS = {
    "divide_by_sum": _divide_by_sum,
    "z_scores": _z_scores,
    "unit_length": _unit_length,
}


def _classifier(name):
    from sklearn.model_selection import GridSearchCV
    from sklearn.model_selection import StratifiedKFold
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    if name == "nearest_neighbour":
        return KNeighborsClassifier(1)
    svm = SVC(kernel="linear") if name == "linear_svm" else SVC(gamma="auto")
    return GridSearchCV(svm, {"C": _GRID}, cv=StratifiedKFold(2))
