"""Which tensors get which channels when one layer is widened."""

import numpy as np

from keras_transfer.finetune.morphism import channel_rules


class ChannelMaps:
    """The channel maps of all tensors of a graph.

    Tensors whose channels are the same, as before and after a batch norm, or
    all that meet in an Add, are one group with one map. So whoever makes
    channels for an Add is widened with the others. From group to group, as
    through a Concatenate, maps are derived.

    Args:
        graph: A `Graph`.
        name: Name of the layer that is widened.
        index: Channel map of its output.

    Raises:
        ValueError: If channels would be copied where that changes the
            function, or is not possible.
    """

    def __init__(self, graph, name, index):
        self._graph = graph
        self._parents = {}
        self._rules = {
            call.output: channel_rules.rule_of(
                graph.operations[call.name], call
            )
            for call in graph.all_calls()
        }
        for call in graph.all_calls():
            self._tie(call)
        self._start = self._group(graph.calls[name][0].output)
        self._maps = {self._start: index}
        self._derive(name)
        self._check(name)

    def of(self, key):
        """The map of a tensor, or `None`."""
        return self._maps.get(self._group(key))

    def rule(self, call):
        return self._rules[call.output]

    def of_inputs(self, call):
        return [self.of(tensor.key) for tensor in call.inputs]

    def _group(self, key):
        while key in self._parents:
            key = self._parents[key]
        return key

    def _join(self, one, other):
        one, other = self._group(one), self._group(other)
        if one != other:
            self._parents[one] = other

    def _tie(self, call):
        rule = self._rules[call.output]
        if rule.ties:
            widths = [_width(tensor) for tensor in call.inputs]
            for tensor, width in zip(call.inputs, widths, strict=True):
                # One channel for all others is not one of theirs.
                if width == max(widths):
                    self._join(tensor.key, call.output)
        if call.index > 0 and rule.weights:
            # One set of weights has one map.
            first = self._graph.calls[call.name][0]
            self._join(first.output, call.output)
            for one, other in zip(first.inputs, call.inputs, strict=True):
                self._join(one.key, other.key)

    def _derive(self, name):
        deriving = [
            call for call in self._graph.all_calls() if self.rule(call).derive
        ]
        for _ in range(len(deriving) + 1):
            changed = False
            for call in deriving:
                derived = self.rule(call).derive(self.of_inputs(call))
                group = self._group(call.output)
                if derived is None or group == self._start:
                    continue
                if not _equal(derived, self._maps.get(group)):
                    self._maps[group] = derived
                    changed = True
            if not changed:
                return
        raise _not_widened(name, "its channels meet themselves in a circle")

    def _check(self, name):
        for call in self._graph.all_calls():
            rule = self.rule(call)
            inputs, output = self.of_inputs(call), self.of(call.output)
            given = [one for one in inputs if one is not None]
            if rule.refusal and (given or output is not None):
                raise _not_widened(name, f"{rule.refusal}")
            if rule.output_refusal and output is not None:
                raise _not_widened(name, rule.output_refusal)
            if rule.ties and given and output is None:
                raise _not_widened(
                    name, f"{call.name!r} spreads one channel over many"
                )
            if rule.derive and not _equal(rule.derive(inputs), output):
                raise _not_widened(
                    name,
                    f"{call.name!r} joins or rearranges channels that would "
                    "have to be widened one by one",
                )
        for key in self._used_keys():
            if self.of(key) is None:
                continue
            if self._graph.call_of(key) is None:
                raise _not_widened(
                    name, f"it shares channels with the input {key[0]!r}"
                )
            if key in self._graph.outputs:
                raise _not_widened(
                    name,
                    f"its channels reach the output of {key[0]!r}, which is "
                    "one of the model's",
                )

    def _used_keys(self):
        keys = set(self._graph.outputs)
        for call in self._graph.all_calls():
            keys.update(tensor.key for tensor in call.inputs)
        return sorted(keys)


def _width(tensor):
    return (tensor.shape[-1] or 0) if tensor.shape else 0


def _equal(one, other):
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)


def _not_widened(name, reason):
    return ValueError(
        f"Layer {name!r} cannot be widened without changing what the model "
        f"computes: {reason}."
    )
