"""LogME: how well a linear model on the features explains the targets."""

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.data import feature_rows
from keras_transfer.transferability import inputs
from keras_transfer.transferability.spectrum import spectrum

TASKS = ("classification", "regression")

_MOST_STEPS = 200
#: Share of a target's energy that is taken for noise at least. Without it
#: the evidence of a target that the features give exactly has no bound.
_LEAST_NOISE = 1e-12


def logme(features, targets, task="classification"):
    """Logarithm of the maximum evidence of targets, given features.

    Formula, for a target column y (one for each class, 1 in its rows and 0
    in others) with F of shape (n, d), in nats:

        y = F w + noise,  w ~ N(0, I / alpha),  noise ~ N(0, I / beta)
        LogME = mean over columns of
                max over alpha, beta of log p(y | F, alpha, beta) / n

    where p(y | F) is Gaussian with mean 0 and covariance
    I / beta + F F' / alpha. The maximum is found by the fixed point

        gamma = sum_i s_i / (s_i + alpha / beta)
        alpha = gamma / |m|^2,  beta = (n - gamma) / |F m - y|^2

    with s the eigenvalues of F F' and m the posterior mean of w, for all
    columns at once, from one eigendecomposition.

    The scale of the features does not matter, nor does a rotation; neither
    range nor zero point of the value mean anything. Compare candidates on
    the same rows and targets. Rows are the training set's, or all that have
    labels: nothing is held out, the evidence itself pays for complexity.

    Bad at: differences of a few thousandths, which are noise; candidates
    whose features fit only after fine-tuning; features without a constant
    for targets far from mean 0 (there is no intercept).

    Note: for d > n the paper's fast version leaves out (d - rank) * log alpha
    of the determinant; here nothing is left out, so that columns of zeros
    change nothing.

    Args:
        features: Array `(rows, width)`.
        targets: Class labels `(rows,)`, integers or strings; in regression
            numbers `(rows,)` or `(rows, num_targets)`.
        task: `"classification"` or `"regression"`.

    Returns:
        A float; higher is better.

    Raises:
        ValueError: If shapes disagree or a value is not finite.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import transferability
    >>> labels = np.arange(60) % 3
    >>> noise = np.random.default_rng(0).normal(size=(60, 3))
    >>> good, bad = np.eye(3)[labels] + 0.1 * noise, noise
    >>> score = transferability.logme
    >>> score(good, labels) > score(bad, labels)
    True

    Reference:

    - [You et al., 2021, LogME: Practical Assessment of Pre-trained Models
      for Transfer Learning, eq. 1-2 and algorithm 1](
      https://arxiv.org/abs/2102.11005)
    """
    if task not in TASKS:
        raise unknown_name("task", task, TASKS)
    features = feature_rows.feature_rows(features)
    if task == "classification":
        numbers, counts = feature_rows.class_numbers(targets, len(features))
        columns = inputs.indicators(numbers, len(counts))
    else:
        columns = _numbers(targets, len(features))
    squares, projections = spectrum(features, columns)
    energy = (columns**2).sum(axis=0)
    powers = projections**2
    outside = np.maximum(energy - powers.sum(axis=0), _LEAST_NOISE * energy)
    evidence = _maximum_evidence(squares, powers, outside, len(features))
    return float(evidence.mean())


def _numbers(targets, rows):
    targets = np.asarray(targets)
    if targets.ndim == 1:
        targets = targets[:, None]
    targets = feature_rows.feature_rows(targets, "targets")
    if len(targets) != rows:
        raise ValueError(
            f"`targets` has {len(targets)} rows and `features` {rows}. "
            "Expected one target for each row."
        )
    if not targets.any(axis=0).all():
        raise invalid_argument(
            "targets",
            f"column {int(targets.any(axis=0).argmin())} of zeros",
            "columns that are not all 0",
        )
    return targets


def _maximum_evidence(squares, powers, outside, rows):
    """Largest log evidence by row, for each column.

    Args:
        squares: Eigenvalues of F F', `(rank,)`.
        powers: Squared projections of the columns, `(rank, num_columns)`.
        outside: What the features cannot reach, `(num_columns,)`.
        rows: Number of rows.
    """
    ratio = _fixed_point(squares, powers, outside, rows)
    # With alpha / beta given, the best beta has a closed form.
    left = ratio * (powers / (squares[:, None] + ratio)).sum(axis=0) + outside
    growth = np.log1p(squares[:, None] / ratio).sum(axis=0)
    beta = rows / left
    return 0.5 * (np.log(beta / (2 * np.pi)) - 1.0 - growth / rows)


def _fixed_point(squares, powers, outside, rows):
    """The ratio alpha / beta of each column."""
    # The mean of the spectrum, and not 1: so scale does not matter.
    start = squares.mean() if squares.size else 1.0
    ratio = np.full(powers.shape[1], start)
    if not squares.size:
        return ratio
    lowest, highest = 1e-12 * squares.max(), 1e12 * squares.max()
    for _ in range(_MOST_STEPS):
        inverse = 1.0 / (squares[:, None] + ratio)
        means = powers * inverse * inverse
        residual = ratio**2 * means.sum(axis=0) + outside
        # rows - gamma, without the loss of digits where both are equal.
        freedom = rows - len(squares) + ratio * inverse.sum(axis=0)
        # A column that the features do not see at all has weights of 0.
        with np.errstate(divide="ignore", over="ignore"):
            found = (squares @ inverse) * residual
            found /= (squares @ means) * freedom
        found = np.clip(found, lowest, highest)
        settled = np.abs(found - ratio) <= 1e-7 * ratio
        ratio = found
        if settled.all():
            break
    return ratio
