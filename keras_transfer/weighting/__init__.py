"""Weights of source rows that make them stand for the target's."""

from keras_transfer.weighting.clip import clip as clip
from keras_transfer.weighting.discriminative import (
    discriminative as discriminative,
)
from keras_transfer.weighting.effective_sample_size import (
    effective_sample_size as effective_sample_size,
)
from keras_transfer.weighting.kernel_mean_matching import (
    kernel_mean_matching as kernel_mean_matching,
)
from keras_transfer.weighting.kliep import kliep as kliep
from keras_transfer.weighting.label_shift import LabelShift as LabelShift
from keras_transfer.weighting.label_shift_bbse import (
    label_shift_bbse as label_shift_bbse,
)
from keras_transfer.weighting.label_shift_em import (
    label_shift_em as label_shift_em,
)
from keras_transfer.weighting.nearest_neighbour import (
    nearest_neighbour as nearest_neighbour,
)
from keras_transfer.weighting.plot import plot as plot
from keras_transfer.weighting.report import WeightReport as WeightReport
from keras_transfer.weighting.report import report as report
from keras_transfer.weighting.rulsif import rulsif as rulsif
from keras_transfer.weighting.tr_ada_boost import TrAdaBoost as TrAdaBoost
from keras_transfer.weighting.tr_ada_boost_r2 import (
    TrAdaBoostR2 as TrAdaBoostR2,
)
from keras_transfer.weighting.ulsif import ulsif as ulsif
