"""DANN: features that a domain discriminator cannot tell apart."""

import keras
from keras import ops

from keras_transfer import schedules
from keras_transfer._public import public
from keras_transfer.alignment.abstract_alignment import AbstractAlignment
from keras_transfer.layers.domain_discriminator import DomainDiscriminator
from keras_transfer.ops.gradients import reverse_gradient
from keras_transfer.ops.precision import at_least_float32


@public("alignment")
class DomainAdversarial(AbstractAlignment):
    """Domain-adversarial training (`"dann"`).

    Formula, with the discriminator's logit d, label 0 for source and 1 for
    target, and BCE the binary cross-entropy from logits:

        mean_i BCE(d(R(source_i)), 0) + mean_j BCE(d(R(target_j)), 1)

    where R is the gradient reversal layer. `strength` scales the gradient
    that reaches the features only: the discriminator always learns at full
    speed. The two means are separate, so unequal batches are fair. Several
    aligned layers are joined into one vector.

    `domain_accuracy` is logged: the mean of the discriminator's accuracies on
    both domains. Near 0.5 the features are aligned, near 1 they are not.

    Bad at: shifts in the class balance (it aligns the marginals all the same),
    and stability. The reversed loss has no bound: features without a bound of
    their own grow to raise it, above all under Adam. Put batch norm before the
    features, keep the ramp, and lower `strength` if the term's loss runs away.

    Args:
        strength: Reversal strength: a number or a schedule, by default the
            paper's ramp from 0 to 1.
        discriminator: Layer from `(rows, width)` to one logit, by default
            `DomainDiscriminator()`.
        weight: Factor on the whole term, discriminator included.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> term = kt.alignment.DomainAdversarial(strength=0.1)
    >>> features = keras.ops.ones((4, 8))
    >>> batch = kt.alignment.Representation(features=(features,))
    >>> term(batch, batch).shape
    TensorShape([])

    Reference:

    - [Ganin et al., 2016, Domain-Adversarial Training of Neural Networks,
      JMLR 17(59), eq. 18](https://arxiv.org/abs/1505.07818)
    """

    def __init__(self, strength=None, discriminator=None, weight=1.0, **kwargs):
        kwargs.setdefault("name", "dann")
        if strength is None:
            strength = schedules.SigmoidRamp()
        strength = schedules.get(strength, "strength")
        if isinstance(discriminator, dict):
            discriminator = keras.saving.deserialize_keras_object(discriminator)
        super().__init__(weight=weight, **kwargs)
        self.strength = strength
        self.discriminator = discriminator or DomainDiscriminator(
            dtype=self.dtype_policy
        )
        # A second adversarial term, under a name of its own, logs its own.
        prefix = "" if self.name == "dann" else f"{self.name}_"
        self.domain_accuracy = keras.metrics.Mean(
            name=f"{prefix}domain_accuracy"
        )

    def build(self, source_shape, target_shape=None, progress_shape=None):
        width = sum(shape[-1] for shape in source_shape[0])
        if not self.discriminator.built:
            self.discriminator.build((None, width))

    def call(self, source, target, progress=1.0, training=None):
        features = ops.concatenate(
            [
                ops.concatenate(domain.features, axis=-1)
                for domain in (source, target)
            ],
            axis=0,
        )
        strength = schedules.value_at(self.strength, progress)
        reversed_features = reverse_gradient(features, strength)
        logits = at_least_float32(
            self.discriminator(reversed_features, training=training)
        )
        if logits.shape[-1] != 1:
            raise ValueError(
                "The discriminator tells two domains apart by one logit. "
                f"Expected one output. Received {logits.shape[-1]}."
            )
        logits = logits[:, 0]
        num_source = ops.shape(source.features[0])[0]
        source_logits = logits[:num_source]
        target_logits = logits[num_source:]
        self.domain_accuracy.update_state(
            0.5 * ops.mean(ops.cast(source_logits < 0, "float32"))
            + 0.5 * ops.mean(ops.cast(target_logits > 0, "float32"))
        )
        # BCE(d, 0) = softplus(d) and BCE(d, 1) = softplus(-d).
        return ops.mean(ops.softplus(source_logits)) + ops.mean(
            ops.softplus(-target_logits)
        )

    def get_config(self):
        return {
            **super().get_config(),
            "strength": schedules.serialize(self.strength),
            "discriminator": keras.saving.serialize_keras_object(
                self.discriminator
            ),
        }
