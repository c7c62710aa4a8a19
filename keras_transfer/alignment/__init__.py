"""Alignment terms: what pulls the features of two domains together.

To add a term: write `alignment/my_term.py` with a subclass of
`AbstractAlignment` (one method, `call`), give it a name in
`alignment/names.py`, show it here, and list it in
`tests/conformance/descriptors.py`.
"""

from keras_transfer.alignment.abstract_alignment import (
    AbstractAlignment as AbstractAlignment,
)
from keras_transfer.alignment.abstract_alignment import (
    Representation as Representation,
)
from keras_transfer.alignment.alignment_loss import (
    AlignmentLoss as AlignmentLoss,
)
from keras_transfer.alignment.correlation import (
    CorrelationAlignment as CorrelationAlignment,
)
from keras_transfer.alignment.domain_adversarial import (
    DomainAdversarial as DomainAdversarial,
)
from keras_transfer.alignment.mean_discrepancy import (
    MeanDiscrepancy as MeanDiscrepancy,
)
from keras_transfer.alignment.names import get as get
