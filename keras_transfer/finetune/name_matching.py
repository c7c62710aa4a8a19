"""Weights that have the same name, give or take how names are joined.

`layer1.0.conv1.weight` of PyTorch is `layer1_0_conv1/kernel` of Keras; in a
larger model either may stand deeper, as `backbone/layer1_0_conv1/kernel`.
"""

import re
from typing import NamedTuple


class NameMatch(NamedTuple):
    """What names tell.

    Attributes:
        pairs: List of `(source, target)`.
        reasons: Dict from `id` of a source weight without a place to why.
        is_telling: Whether some of the names were chosen by a person, or all
            agree. Those that Keras gives count layers, so that `dense_1` is
            another layer in the next model.
    """

    pairs: list
    reasons: dict
    is_telling: bool


def plain(name):
    """A name without what differs between the ways to join names."""
    return re.sub(r"[./]", "_", name)


def match_names(sources, targets):
    """Pairs weights by name.

    Args:
        sources: List of `Weight`.
        targets: List of `Weight` of a model.

    Returns:
        A `NameMatch`.
    """
    cut_source, cut_target = _best_cuts(sources, targets)
    places = _parts_below(targets, cut_target)
    double = {
        path
        for path in _doubles(_paths(sources), cut_source)
        if len(path) >= len(cut_source)
    }
    pairs, reasons = [], {}
    for source in sources:
        below = _below(source.path, cut_source)
        part = None if source.path in double else places.get(below)
        if source.path in double:
            reasons[id(source)] = "another layer of the source reads the same"
        elif part is None:
            reasons[id(source)] = "the target has no layer of this name"
        else:
            target = _with_role(part, source)
            if target is None:
                kind = type(part[0].layer).__name__
                reasons[id(source)] = (
                    f"{part[0].part!r}, a {kind}, has no such weight"
                )
            else:
                pairs.append((source, target))
    return NameMatch(pairs, reasons, _is_telling(sources, targets, pairs))


class NameIndex:
    """Finds weights of a model by what a person calls them.

    Args:
        targets: List of `Weight` of a model.
    """

    def __init__(self, targets):
        self._targets = targets
        self._weights, self._parts = {}, {}
        for target in targets:
            for start in range(len(target.path) + 1):
                path = target.path[start:]
                part = plain("_".join(path))
                name = plain("_".join((*path, target.role)))
                is_whole = start == 0
                self._weights.setdefault((name, is_whole), []).append(target)
                if path or is_whole:
                    self._parts.setdefault((part, is_whole), []).append(target)

    def names(self):
        """Names of all layers and weights."""
        parts = dict.fromkeys(t.part for t in self._targets if t.part)
        return [*parts, *(target.name for target in self._targets)]

    def weight(self, name):
        """The weight of a name, or the only one whose name ends so."""
        for is_whole in (True, False):
            found = self._weights.get((plain(name), is_whole), ())
            if len(found) == 1:
                return found[0]
        return None

    def has_part(self, name):
        """Whether a layer has the name, or exactly one ends so."""
        return self._part(name) is not None

    def weight_of_part(self, name, source):
        """The weight of a layer that is what the source's weight is."""
        part = self._part(name)
        return None if part is None else _with_role(part, source)

    def _part(self, name):
        for is_whole in (True, False):
            found = self._parts.get((plain(name), is_whole), ())
            if found and len({target.path for target in found}) == 1:
                return found
        return None


def _with_role(part, source):
    return next((t for t in part if t.role_for(source) == source.role), None)


def _below(path, cut):
    """The name below a prefix, or `None` beside it."""
    is_below = path[: len(cut)] == cut and (len(path) > len(cut) or not cut)
    return plain("_".join(path[len(cut) :])) if is_below else None


def _parts_below(weights, cut):
    """Dict from names below a prefix to the weights of the layer."""
    parts = {}
    for weight in weights:
        below = _below(weight.path, cut)
        if below is not None:
            parts.setdefault(below, []).append(weight)
    return {
        name: found
        for name, found in parts.items()
        if len({weight.path for weight in found}) == 1
    }


def _doubles(paths, cut):
    """Layers whose names below a prefix cannot be told from each other's."""
    same = {}
    for path in paths:
        below = _below(path, cut)
        if below is not None:
            same.setdefault(below, []).append(path)
    return {p for found in same.values() if len(found) > 1 for p in found}


def _best_cuts(sources, targets):
    """Prefixes of both sides below which the most names agree."""
    ours, theirs = _names_by_cut(sources), _names_by_cut(targets)
    return max(
        ((cut, other) for cut in ours for other in theirs),
        key=lambda cuts: (
            len(ours[cuts[0]] & theirs[cuts[1]]),
            -len(cuts[0]) - len(cuts[1]),
        ),
        default=((), ()),
    )


def _names_by_cut(weights):
    names = {(): set()}
    for path in _paths(weights):
        for length in range(max(len(path), 1)):
            cut = path[:length]
            names.setdefault(cut, set()).add(_below(path, cut))
    return names


def _paths(weights):
    return list(dict.fromkeys(weight.path for weight in weights))


def _is_telling(sources, targets, pairs):
    if not pairs:
        return False
    if any(not _is_automatic(target.layer) for _, target in pairs):
        return True
    return len(pairs) == len(sources) == len(targets)


def _is_automatic(layer):
    """Whether Keras named a layer, by its class and a number."""
    word = re.sub(r"_\d+$", "", layer.name).replace("_", "")
    return word == type(layer).__name__.lower()
