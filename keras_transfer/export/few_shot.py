"""Few-shot serving: support and queries in, classes of the queries out."""

from keras_transfer import meta
from keras_transfer._public import invalid_argument
from keras_transfer.export import adapt_signature
from keras_transfer.export import few_shot_requests
from keras_transfer.export import prototype_signature
from keras_transfer.export import publication
from keras_transfer.export.served_model import ServedModel
from keras_transfer.layers import PrototypeHead


def save_few_shot(
    learner,
    folder,
    *,
    ways=None,
    head=None,
    samples=None,
    tolerance=1e-5,
    card=None,
):
    """Exports a classifier of classes that come with the request.

    One signature with a leading axis of tasks everywhere:

        support         (tasks, support, ...)
        support_labels  (tasks, support), int32 from 0 to ways - 1, -1 padding
        query           (tasks, queries, ...)
        -> scores       (tasks, queries, ways), softmax over the classes that
                        have support, 0 for the others
        -> labels       (tasks, queries), int32, the best of them

    For an encoder it is `predict`: queries go to the nearest mean of the
    support. For a `meta.MAML` it is `adapt_and_predict`: the inner gradient
    steps run inside the graph, once for each task of a request, and batch norm
    takes the statistics of the support, so that no query sees another.

    The server puts requests of several clients into one batch along the first
    axis, which therefore counts tasks: a task's answer depends on that task
    alone. A signature without it would let one client's support label
    another's queries; there is none. Requests of unequal sizes cannot be put
    together, so that the version has no batching file; serve it from a folder
    of its own.

    Args:
        learner: A built `keras.Model` from one input to features `(B, d)`, a
            `meta.PrototypicalNetwork`, or a `meta.MAML` that classifies.
        folder: Base folder of the served model.
        ways: Most classes of a task, the width of `scores`. Of a `meta.MAML`,
            the classes of its model.
        head: For a plain encoder, a `layers.PrototypeHead` that compares, by
            default Euclidean.
        samples: Array of real inputs to try with, 8 or more (6 for 2 ways),
            or `None` for random ones.
        tolerance: As for `export.save`.
        card: As for `export.save`.

    Returns:
        A `Report`.

    Raises:
        ValueError: If the model has not one input and one output `(B, d)`, or
            an argument does not go with the learner.
        VerificationError, OSError: As for `export.save`.

    Example:

    >>> import keras, tempfile
    >>> import keras_transfer as kt
    >>> encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = kt.export.save_few_shot(encoder, folder, ways=5)
    >>> report.passed
    True

    Reference:

    - [Snell et al., 2017, eq. 2](https://arxiv.org/abs/1703.05175) and
      [Finn et al., 2017, algorithm 1](https://arxiv.org/abs/1703.03400) for
      the scores.
    """
    publication.check_base(folder)
    if isinstance(learner, meta.PrototypicalNetwork):
        _refuse_head(head)
        learner, head = learner.encoder, learner.head
    if isinstance(learner, meta.MAML):
        _refuse_head(head)
        served = ServedModel(learner.model)
        ways = adapt_signature.ways_of(learner, ways)
        signature = adapt_signature.adapt_signature(learner, served)
        facts = {"inner_steps": learner.steps_at_test}
    else:
        served = ServedModel(learner)
        head = PrototypeHead() if head is None else head
        signature = prototype_signature.prototype_signature(served, head, ways)
        facts = {"distance": head.distance}
    return publication.publish(
        folder,
        served,
        {signature.name: signature},
        {signature.name: few_shot_requests.examples(served, ways, samples)},
        default=signature.name,
        facts={**(card or {}), "ways": ways, **facts},
        tolerance=tolerance,
    )


def _refuse_head(head):
    if head is not None:
        raise invalid_argument(
            "head", head, "None: a few-shot trainer has a head of its own"
        )
