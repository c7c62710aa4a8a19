"""tf-keras-vis, which comes with the extra `explain`."""

import importlib
import warnings


def vis(module):
    """Imports a module of tf-keras-vis.

    Args:
        module: Name below `tf_keras_vis`, as `"gradcam"`.

    Returns:
        The module.

    Raises:
        ImportError: If the extra is not installed.
    """
    with warnings.catch_warnings():
        # It looks for `zoom` where SciPy no longer keeps it, and itself
        # imports what it calls deprecated.
        for message in ("Please import `zoom`", "`tf_keras_vis.utils.reg"):
            warnings.filterwarnings("ignore", message, DeprecationWarning)
        try:
            return importlib.import_module(f"tf_keras_vis.{module}")
        except ModuleNotFoundError as error:
            raise ImportError(
                "Saliency and class activation maps need tf-keras-vis: "
                'pip install "keras-transfer[explain]"'
            ) from error
