"""Multi-head attention whose projections can be adapted."""

import math

import keras
from keras import ops

from keras_transfer._public import public

#: The projections, by the names that Keras gives them.
PROJECTIONS = ("query", "key", "value", "attention_output")


@public("finetune")
class AdaptedAttention(keras.layers.Layer):
    """`keras.layers.MultiHeadAttention` out of projections that are given.

    It computes the same, in the same order, for inputs of shape `(batch,
    length, width)`. `add_adapters` makes it.

    Args:
        attention: `get_config()` of the `MultiHeadAttention` layer.
        query: Layer that projects the query.
        key: Layer that projects the key.
        value: Layer that projects the value.
        attention_output: Layer that projects the outputs of all heads.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(
        self, attention, query, key, value, attention_output, **kwargs
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.attention = dict(attention)
        self.projections = [query, key, value, attention_output]
        for projection in self.projections:
            # Masks pass through; they are used between the projections.
            projection.supports_masking = True
        self._softmax = keras.layers.Softmax(dtype=self.dtype_policy)
        self._dropout = keras.layers.Dropout(
            attention["dropout"],
            seed=attention["seed"],
            dtype=self.dtype_policy,
        )

    def build(self, query_shape, value_shape, key_shape=None):
        config = self.attention
        key_shape = value_shape if key_shape is None else key_shape
        inner_shape = (
            *query_shape[:2],
            config["num_heads"],
            config["value_dim"],
        )
        shapes = (query_shape, key_shape, value_shape, inner_shape)
        for projection, shape in zip(self.projections, shapes, strict=True):
            if not projection.built:
                projection.build(shape)

    def call(
        self,
        query,
        value,
        key=None,
        query_mask=None,
        value_mask=None,
        key_mask=None,
        attention_mask=None,
        return_attention_scores=False,
        training=None,
        use_causal_mask=False,
    ):
        key = value if key is None else key
        masks = (query_mask, value_mask, key_mask)
        window = self.attention["sliding_window"]
        # Keras leaves a causal mask alone to the kernel of the backend.
        given = [m for m in (*masks, attention_mask) if m is not None]
        causal_only = use_causal_mask and not window and not given
        mask = _merged_mask(
            *masks,
            attention_mask,
            _positions_mask(
                ops.shape(query)[1],
                ops.shape(value)[1],
                use_causal_mask and not causal_only,
                window,
            ),
        )
        q, k, v, output = self.projections
        heads, scores = self._attend(
            q(query),
            k(key),
            v(value),
            mask,
            causal_only,
            training,
            return_attention_scores,
        )
        outputs = output(heads)
        return (outputs, scores) if return_attention_scores else outputs

    def compute_output_spec(
        self, query, value, key=None, return_attention_scores=False, **kwargs
    ):
        width = self.attention["output_shape"] or (query.shape[-1],)
        outputs = keras.KerasTensor(
            (*query.shape[:-1], *width), dtype=self.compute_dtype
        )
        if not return_attention_scores:
            return outputs
        shape = (query.shape[0], self.attention["num_heads"])
        shape += (query.shape[1], value.shape[1])
        return outputs, keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self):
        layers = dict(zip(PROJECTIONS, self.projections, strict=True))
        return {
            **super().get_config(),
            "attention": dict(self.attention),
            **{
                name: keras.saving.serialize_keras_object(layer)
                for name, layer in layers.items()
            },
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        layers = {
            name: keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
            for name in PROJECTIONS
        }
        return cls(**{**config, **layers})

    def plain_layer(self):
        """A new `MultiHeadAttention` layer as it was, without weights."""
        return keras.layers.MultiHeadAttention.from_config(self.attention)

    def _attend(self, query, key, value, mask, causal, training, with_scores):
        scale = 1.0 / math.sqrt(self.attention["key_dim"])
        while mask is not None and len(mask.shape) < 4:
            mask = ops.expand_dims(mask, -3)
        if not self.attention["dropout"] and not with_scores:
            heads = ops.dot_product_attention(
                query,
                key,
                value,
                mask=mask,
                scale=scale,
                is_causal=causal,
                flash_attention=keras.config.is_flash_attention_enabled(),
            )
            return heads, None
        if causal:
            lengths = (ops.shape(query)[1], ops.shape(value)[1])
            mask = ops.expand_dims(_positions_mask(*lengths, True, None), 1)
        query = ops.multiply(query, ops.cast(scale, query.dtype))
        scores = ops.einsum("aecd,abcd->acbe", key, query)
        scores = self._softmax(scores, mask=mask)
        dropped = self._dropout(scores, training=training)
        return ops.einsum("acbe,aecd->abcd", dropped, value), scores


def refusal(layer):
    """Why a built attention layer cannot be rebuilt, or `None`."""
    config = layer.get_config()
    if type(layer) is not keras.layers.MultiHeadAttention:
        return f"is inside a {type(layer).__name__}"
    if config.get("use_gate"):
        return "is in an attention layer with use_gate"
    if layer.query_dense.input_spec.ndim != 3:
        return "is in an attention layer over more than one axis"
    return None


def _positions_mask(query_length, value_length, causal, window):
    """Which positions may look where, shape (1, query, value), or `None`."""
    if not causal and not window:
        return None
    rows = ops.arange(query_length, dtype="int32")[None, :, None]
    columns = ops.arange(value_length, dtype="int32")[None, None, :]
    mask = ops.greater_equal(rows, columns) if causal else None
    if window:
        near = ops.less(ops.abs(rows - columns), window)
        mask = near if mask is None else ops.logical_and(mask, near)
    return mask


def _merged_mask(query_mask, value_mask, key_mask, attention_mask, positions):
    """What all masks let through, or `None` if there is none."""
    masks = [positions, attention_mask]
    if query_mask is not None:
        masks.append(ops.expand_dims(query_mask, -1))
    masks += [
        ops.expand_dims(mask, -2)
        for mask in (value_mask, key_mask)
        if mask is not None
    ]
    merged = None
    for mask in masks:
        if mask is not None:
            mask = ops.cast(mask, "bool")
            merged = mask if merged is None else ops.logical_and(merged, mask)
    return merged
