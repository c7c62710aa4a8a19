"""Knowing before training which backbone will do, and whether it helps."""

from keras_transfer.transferability.ben_david_bound import (
    BenDavidBound as BenDavidBound,
)
from keras_transfer.transferability.ben_david_bound import (
    ben_david_bound as ben_david_bound,
)
from keras_transfer.transferability.h_score import h_score as h_score
from keras_transfer.transferability.h_score import (
    regularized_h_score as regularized_h_score,
)
from keras_transfer.transferability.leep import leep as leep
from keras_transfer.transferability.logme import logme as logme
from keras_transfer.transferability.mmd import MMDTest as MMDTest
from keras_transfer.transferability.mmd import mmd_test as mmd_test
from keras_transfer.transferability.nce import nce as nce
from keras_transfer.transferability.negative_transfer_gap import (
    NegativeTransferGap as NegativeTransferGap,
)
from keras_transfer.transferability.negative_transfer_gap import (
    negative_transfer_gap as negative_transfer_gap,
)
from keras_transfer.transferability.negative_transfer_guard import (
    NegativeTransferGuard as NegativeTransferGuard,
)
from keras_transfer.transferability.negative_transfer_proxy import (
    NegativeTransferProxy as NegativeTransferProxy,
)
from keras_transfer.transferability.negative_transfer_proxy import (
    negative_transfer_proxy as negative_transfer_proxy,
)
from keras_transfer.transferability.proxy_a_distance import (
    ProxyADistance as ProxyADistance,
)
from keras_transfer.transferability.proxy_a_distance import (
    proxy_a_distance as proxy_a_distance,
)
from keras_transfer.transferability.transrate import transrate as transrate
