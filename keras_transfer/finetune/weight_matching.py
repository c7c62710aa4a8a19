"""Which weight of a source goes where in a target."""

import re
from typing import NamedTuple

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.finetune.name_matching import NameIndex
from keras_transfer.finetune.name_matching import match_names
from keras_transfer.finetune.order_matching import match_order

METHODS = ("name", "order")
#: Why a weight stays that the mapping sends to `None`.
LEFT_OUT = "left out by the mapping"


class Match(NamedTuple):
    """What was found.

    Attributes:
        method: How, in words.
        pairs: List of `(source, target)`, each a `Weight`.
        reasons: Dict from `id` of a source weight without a place to why.
    """

    method: str
    pairs: list
    reasons: dict


def match_weights(sources, targets, mapping=None, loose=False):
    """Finds a place in the target for the weights of the source.

    Args:
        sources: List of `Weight`.
        targets: List of `Weight` of a model.
        mapping: `None`, `"name"`, `"order"`, or a dict from names or patterns
            of the source to names of the target or `None`.
        loose: Whether, in order, weights of other sizes may meet.

    Returns:
        A `Match`.

    Raises:
        ValueError: If the mapping names what is not there.
    """
    if isinstance(mapping, dict):
        return _match_mapping(sources, targets, mapping)
    if mapping is not None and mapping not in METHODS:
        raise invalid_argument(
            "mapping", mapping, "a dict, 'name', 'order' or None"
        )
    if mapping != "order":
        by_name = match_names(sources, targets)
        if mapping == "name" or by_name.is_telling:
            return Match("name", by_name.pairs, by_name.reasons)
    pairs = match_order(sources, targets, loose)
    reasons = {
        id(source): "no layer takes its shapes at this place in the order"
        for source in sources
    }
    return Match("shape and order", pairs, reasons)


def _match_mapping(sources, targets, mapping):
    rules = [_Rule(key, value) for key, value in mapping.items()]
    index = NameIndex(targets)
    pairs, rest, reasons = [], [], {}
    for source in sources:
        rule = next((rule for rule in rules if rule.takes(source)), None)
        if rule is None:
            rest.append(source)
        elif rule.template is None:
            reasons[id(source)] = LEFT_OUT
        else:
            target = _place(rule, source, index)
            if target is None:
                reasons[id(source)] = (
                    f"the target has no {rule.name_for(source)!r} for it"
                )
            else:
                pairs.append((source, target))
    _check_use(rules, sources)
    taken = {id(target) for _, target in pairs}
    free = [target for target in targets if id(target) not in taken]
    by_name = match_names(rest, free)
    return Match(
        "mapping and name",
        pairs + by_name.pairs,
        {**reasons, **by_name.reasons},
    )


def _place(rule, source, index):
    name = rule.name_for(source)
    target = index.weight(name) or index.weight_of_part(name, source)
    if target is None and not rule.is_pattern and not index.has_part(name):
        raise unknown_name(f"mapping[{rule.key!r}]", name, index.names())
    return target


def _check_use(rules, sources):
    for rule in rules:
        if not any(map(rule.takes, sources)):
            names = dict.fromkeys(
                name for s in sources for name in (s.part, s.name) if name
            )
            raise unknown_name("key of mapping", rule.key, names)


class _Rule:
    """One entry of a mapping; `*` stands for any text, in both names."""

    def __init__(self, key, template):
        is_name = isinstance(key, str) and key
        if not is_name or not isinstance(template, str | None):
            raise invalid_argument(
                "mapping", {key: template}, "names as keys, names or None"
            )
        if template and template.count("*") > key.count("*"):
            raise invalid_argument(
                "mapping", {key: template}, "no more `*` right than left"
            )
        self.key = key
        self.template = template
        self.is_pattern = "*" in key
        text = "(.*)".join(map(re.escape, key.split("*")))
        self._pattern = re.compile(text)

    def takes(self, source):
        return self._found(source) is not None

    def name_for(self, source):
        """The name in the target, as the mapping gives it."""
        groups = iter(self._found(source).groups())
        return re.sub(r"\*", lambda _: next(groups), self.template)

    def _found(self, source):
        # The layer first, so that a pattern does not swallow "weight".
        for name in (source.part, source.name):
            if name and (found := self._pattern.fullmatch(name)):
                return found
        return None
