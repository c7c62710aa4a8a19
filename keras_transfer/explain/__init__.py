"""What models look at, and pictures of their data, features and predictions."""

from keras_transfer.explain.activation_maximization import (
    activation_maximization as activation_maximization,
)
from keras_transfer.explain.attribution_pictures import (
    attribution_pictures as attribution_pictures,
)
from keras_transfer.explain.attribution_share import (
    attribution_share as attribution_share,
)
from keras_transfer.explain.class_distance_chart import (
    class_distance_chart as class_distance_chart,
)
from keras_transfer.explain.class_distances import (
    class_distances as class_distances,
)
from keras_transfer.explain.compare_domains import (
    compare_domains as compare_domains,
)
from keras_transfer.explain.confusion_matrices import (
    confusion_matrices as confusion_matrices,
)
from keras_transfer.explain.confusion_matrix import (
    confusion_matrix as confusion_matrix,
)
from keras_transfer.explain.domain_pictures import (
    domain_samples as domain_samples,
)
from keras_transfer.explain.expected_calibration_error import (
    expected_calibration_error as expected_calibration_error,
)
from keras_transfer.explain.feature_chart import feature_chart as feature_chart
from keras_transfer.explain.feature_maps import feature_maps as feature_maps
from keras_transfer.explain.grad_cam import grad_cam as grad_cam
from keras_transfer.explain.grad_cam_plus_plus import (
    grad_cam_plus_plus as grad_cam_plus_plus,
)
from keras_transfer.explain.integrated_gradients import (
    integrated_gradients as integrated_gradients,
)
from keras_transfer.explain.learning_curves import (
    learning_curves as learning_curves,
)
from keras_transfer.explain.record_evidence import (
    record_evidence as record_evidence,
)
from keras_transfer.explain.reliability_diagram import (
    reliability_diagram as reliability_diagram,
)
from keras_transfer.explain.report import report as report
from keras_transfer.explain.saliency import saliency as saliency
from keras_transfer.explain.save_figure import save_figure as save_figure
from keras_transfer.explain.score_cam import score_cam as score_cam
from keras_transfer.explain.smooth_grad import smooth_grad as smooth_grad
from keras_transfer.explain.token_chart import token_chart as token_chart
