"""Information maximisation: confident and diverse predictions."""

import numpy as np


def information_maximization(probabilities):
    """Mutual information of inputs and predicted classes, in nats.

    Formula, with H the entropy and p_i the predicted distribution of row i:

        H(mean_i p_i) - mean_i H(p_i)

    High when each row is predicted with confidence and the classes are all
    used. Between 0 and log(num_classes).

    Bad at: targets whose classes are unbalanced (it wants them balanced), and
    models that are confidently wrong. Compare with the risk on held-out
    source rows, as `information_minus_risk` does.

    Args:
        probabilities: Array `(rows, num_classes)`; rows sum to 1.

    Returns:
        A float; higher is better.

    Raises:
        ValueError: If the rows are no distributions.

    Example:

    >>> from keras_transfer import selection
    >>> round(selection.information_maximization([[1.0, 0.0], [0.0, 1.0]]), 4)
    0.6931

    Reference:

    - [Shi & Sha, 2012, Information-Theoretical Learning of Discriminative
      Clusters for Unsupervised Domain Adaptation, eq. 4](
      https://arxiv.org/abs/1206.6438)
    """
    probabilities = _distributions(probabilities)
    marginal = probabilities.mean(axis=0)
    return float(_entropy(marginal) - _entropy(probabilities).mean())


def information_minus_risk(target_probabilities, source_probabilities, labels):
    """Score of a model from unlabelled target and held-out source rows.

    Formula, in nats:

        information_maximization(target) - mean_i -log p(label_i | source_i)

    Args:
        target_probabilities: Array `(rows, num_classes)`.
        source_probabilities: Array `(source_rows, num_classes)` for source
            rows that were not trained on.
        labels: Integer labels of those rows.

    Returns:
        A float; higher is better. Compare models that run both domains in
        the same way: with `batch_norm="separate"` or `"domain_specific"` the
        plain model holds the target's statistics, which raises the source
        risk.

    Raises:
        ValueError: If rows are no distributions or labels no class indices.

    Example:

    >>> from keras_transfer import selection
    >>> p = [[0.9, 0.1], [0.1, 0.9]]
    >>> round(selection.information_minus_risk(p, p, [0, 1]), 4)
    0.2627

    Reference:

    - [Shi & Sha, 2012](https://arxiv.org/abs/1206.6438) for the first part;
      the source risk is the common baseline of [Musgrave et al., 2021,
      Unsupervised Domain Adaptation: A Reality Check](
      https://arxiv.org/abs/2111.15672).
    """
    source_probabilities = _distributions(source_probabilities)
    labels = np.asarray(labels)
    num_classes = source_probabilities.shape[1]
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f"Expected labels from 0 to {num_classes - 1}. Received labels "
            f"from {labels.min()} to {labels.max()}."
        )
    right = source_probabilities[np.arange(len(labels)), labels]
    risk = -np.log(np.maximum(right, 1e-12)).mean()
    return information_maximization(target_probabilities) - float(risk)


def _distributions(probabilities):
    probabilities = np.asarray(probabilities, dtype="float64")
    if probabilities.ndim != 2 or not np.isfinite(probabilities).all():
        raise ValueError(
            "Expected finite probabilities of shape (rows, num_classes). "
            f"Received shape {probabilities.shape} with "
            f"{int((~np.isfinite(probabilities)).sum())} values that are not."
        )
    if not np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-3):
        raise ValueError(
            "Expected rows that sum to 1; apply softmax to logits first. "
            f"Received sums from {probabilities.sum(axis=1).min():.4g} to "
            f"{probabilities.sum(axis=1).max():.4g}."
        )
    return probabilities


def _entropy(probabilities):
    logs = np.log(np.maximum(probabilities, 1e-12))
    return -(probabilities * logs).sum(axis=-1)
