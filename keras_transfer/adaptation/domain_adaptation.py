"""The trainer for unsupervised domain adaptation."""

from typing import NamedTuple

import keras
import tensorflow as tf

from keras_transfer import alignment as alignment_terms
from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer.adaptation import domain_passes
from keras_transfer.adaptation import feature_tap
from keras_transfer.adaptation import fit_inputs
from keras_transfer.alignment import Representation
from keras_transfer.layers import opaque
from keras_transfer.schedules import TrainingProgress
from keras_transfer.training import data_epoch
from keras_transfer.training import seed_state
from keras_transfer.training.epoch_progress import EpochProgress


class DomainOutputs(NamedTuple):
    """What a pair of batches becomes; the target is `None` if left out."""

    source: Representation
    target: Representation | None


@public("adaptation")
class DomainAdaptation(keras.Model):
    """Trains a model on a labelled source to work on an unlabelled target.

    Formula:

        loss = task(model(source), labels) + sum_k weight_k * term_k

    where the terms compare the features of both domains. `compile` and `fit`
    are those of Keras; `fit` takes the pairs of `data.pair_domains`. The model
    is changed in place and is the result: after `fit` use `trainer.model`, an
    ordinary model (uncompiled) with nothing of the adaptation in it.
    `evaluate`, `predict` and validation data take plain inputs and are those
    of the model.

    Bad at: targets whose classes differ from the source's or are balanced
    otherwise, for which aligned features can be worse than none. Compare with
    `alignment=None`.

    Args:
        model: A built `keras.Model`, pretrained or new.
        alignment: Name of a term (`"dann"`, `"dan"`, `"deep_coral"`), an
            `alignment.AbstractAlignment`, a list of these, or `None`. With
            `None`, or weights that are all the number 0, the target is left
            out: plain training on the source, bit for bit.
        features: Name or names of the layers whose outputs are aligned. By
            default the input of the last dense or convolutional layer of the
            model's own graph. Averaged over all axes but the first and last.
        batch_norm: `"shared"` runs both domains as one batch. `"separate"`
            normalises each with its own statistics. `"domain_specific"` gives
            each its own gamma and beta too. With the last two the model ends
            with those of the target.
        **kwargs: Passed to `keras.Model`.

    Example:

    >>> import keras, numpy as np
    >>> import keras_transfer as kt
    >>> model = keras.Sequential([
    ...     keras.Input((4,)),
    ...     keras.layers.Dense(8, activation="relu"),
    ...     keras.layers.Dense(3),
    ... ])
    >>> trainer = kt.DomainAdaptation(model, alignment="dann")
    >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    >>> trainer.compile("adam", loss, metrics=["accuracy"])
    >>> x, y = np.random.rand(32, 4), np.random.randint(0, 3, 32)
    >>> pairs = kt.data.pair_domains((x, y), x + 1.0, batch_size=8, seed=0)
    >>> history = trainer.fit(pairs, epochs=2, verbose=0)
    >>> sorted(history.history)
    ['accuracy', 'dann_loss', 'domain_accuracy', 'loss']

    Reference:

    - [Ganin et al., 2016](https://arxiv.org/abs/1505.07818),
      [Long et al., 2015](https://arxiv.org/abs/1502.02791),
      [Sun & Saenko, 2016](https://arxiv.org/abs/1607.01719) for the terms;
      [Chang et al., 2019](https://arxiv.org/abs/1906.03950) for
      domain-specific batch norm.
    """

    def __init__(
        self,
        model,
        alignment="dann",
        features=None,
        batch_norm="shared",
        **kwargs,
    ):
        _check_model(model)
        if batch_norm not in domain_passes.BATCH_NORMS:
            raise invalid_argument(
                "batch_norm", batch_norm, f"one of {domain_passes.BATCH_NORMS}"
            )
        _check_opaque(model, batch_norm)
        terms = _terms(alignment)
        # The model's own precision; its layers cast their inputs themselves.
        kwargs.setdefault("dtype", model.dtype_policy)
        super().__init__(autocast=False, **kwargs)
        self.model = model
        self.alignment = terms
        self.features = features
        self.batch_norm = batch_norm
        self.progress = TrainingProgress(dtype="float32", name="progress")
        self._active = [term for term in terms if not term.is_off]
        self._tap = None
        if self._active or features is not None:
            self._tap = feature_tap.tap(model, features)
        self._term_losses = [
            keras.metrics.Mean(name=f"{term.name}_loss")
            for term in self._active
        ]
        self._source_branch = None
        if self._active and batch_norm != "shared":
            self._source_branch = domain_passes.SourceBranch(
                model, own_affine=batch_norm == "domain_specific"
            )
        self._build_terms()
        self.built = True

    def call(self, inputs, training=None):
        if not fit_inputs.is_pair(inputs):
            return self.model(inputs, training=training)
        if not self._active:
            outputs = self.model(inputs["source"], training=training)
            return DomainOutputs(Representation((), outputs), None)
        if self._source_branch is None:
            both = domain_passes.joint_pass(self._tap, inputs, training)
        else:
            both = self._source_branch(inputs, tap=self._tap, training=training)
        return DomainOutputs(*(Representation(*domain) for domain in both))

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        if not isinstance(y_pred, DomainOutputs):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        labels, target_labels = fit_inputs.split_labels(y)
        total = super().compute_loss(
            x["source"], labels, y_pred.source.logits, sample_weight, training
        )
        progress = self.progress.share()
        # Keras sums the gradients of the replicas of a distributed step. It
        # has scaled its own losses for that; here we scale ours.
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        for term, tracker in zip(self._active, self._term_losses, strict=True):
            value = term(
                y_pred.source._replace(labels=labels),
                y_pred.target._replace(labels=target_labels),
                progress=progress,
                training=training,
            )
            tracker.update_state(value)
            total = total + term.weight_at(progress) * value / replicas
        if training:
            self.progress.advance()
        return total

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        shown = set()
        if isinstance(y_pred, DomainOutputs):
            x, y_pred = x["source"], y_pred.source.logits
            y, _ = fit_inputs.split_labels(y)
            shown = self._names_of_metrics(self._active)
        logs = super().compute_metrics(x, y, y_pred, sample_weight)
        hidden = self._names_of_metrics(self.alignment) - shown
        return {
            name: value for name, value in logs.items() if name not in hidden
        }

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        **kwargs,
    ):
        """`keras.Model.fit` on pairs of domains.

        Args:
            x: A dataset of pairs, as `data.pair_domains` makes it, or a dict
                with the arrays `source` and `target` of equal length.
            y: The source's labels if `x` is a dict of arrays.
            batch_size: Rows per batch if `x` is a dict of arrays.
            epochs: Number of the epoch to stop before, as in Keras.
            verbose: As in Keras.
            **kwargs: As for `keras.Model.fit`. A dataset of unknown length
                needs `steps_per_epoch`.

        Returns:
            The `History` of Keras.

        Raises:
            ValueError: If the data do not fit the method; before training.
        """
        plan = fit_inputs.plan(
            x,
            y,
            self._active,
            batch_size,
            kwargs.get("steps_per_epoch"),
            kwargs.get("validation_split", 0.0),
        )
        if plan.is_dataset:
            kwargs["shuffle"] = False
        if plan.epoch is not None and kwargs.pop("steps_per_epoch", None):
            # Each epoch is a new pass of a known order: see pair_domains.
            x = x.take(plan.steps_per_epoch)
        kwargs["callbacks"] = [
            data_epoch.DataEpoch(plan.epoch),
            EpochProgress(self.progress, plan.steps_per_epoch, epochs),
            *data_epoch.as_list(kwargs.get("callbacks")),
        ]
        return super().fit(x, y, batch_size, epochs, verbose, **kwargs)

    def predict_step(self, data):
        inputs = data[0] if isinstance(data, tuple) else data
        if fit_inputs.is_pair(inputs):
            raise ValueError(
                "`predict` takes plain inputs. Received a pair of domains; "
                "predict the source and the target one after the other."
            )
        return super().predict_step(data)

    def save_own_variables(self, store):
        super().save_own_variables(store)
        seed_state.save_seeds(self, store)

    def load_own_variables(self, store):
        super().load_own_variables(seed_state.load_seeds(self, store))

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "model": serialize(self.model),
            "alignment": [serialize(term) for term in self.alignment],
            "features": self.features,
            "batch_norm": self.batch_norm,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        model = keras.saving.deserialize_keras_object(
            config["model"], custom_objects=custom_objects
        )
        return cls(**{**config, "model": model})

    def _build_terms(self):
        shapes = self._tap.feature_shapes if self._tap else None
        if shapes is None:
            return  # built by the first batch
        for term in self._active:
            if not term.built:
                term.build(Representation(shapes, self.model.output_shape))

    def _names_of_metrics(self, terms):
        owned = {metric.name for term in terms for metric in term.metrics}
        return owned | {f"{term.name}_loss" for term in terms}


def _terms(alignment):
    if alignment is None:
        return []
    if not isinstance(alignment, (list, tuple)):
        alignment = [alignment]
    terms = [alignment_terms.get(term) for term in alignment]
    names = [term.name for term in terms]
    if len(set(names)) < len(names):
        raise invalid_argument(
            "alignment",
            names,
            "terms with different names",
            "Give the terms a name= of their own.",
        )
    return terms


def _check_opaque(model, batch_norm):
    names = [layer.name for layer in opaque.opaque_layers(model)]
    if names and batch_norm != "shared":
        raise invalid_argument(
            "batch_norm",
            batch_norm,
            f"'shared': the layer {names[0]!r} is a finished graph, whose "
            "batch norm cannot be told apart by domains",
        )


def _check_model(model):
    if not isinstance(model, keras.Model):
        raise invalid_argument("model", model, "a keras.Model")
    if not model.built:
        raise ValueError(
            f"The model {model.name!r} is not built: its features are not "
            "known yet. Give it a keras.Input, or call it on a batch first."
        )
    names = {tensor.name for tensor in getattr(model, "inputs", None) or []}
    if names == {"source", "target"}:
        raise ValueError(
            "The model's own inputs are named 'source' and 'target', the "
            "names of the two domains in a batch. Rename its inputs."
        )
