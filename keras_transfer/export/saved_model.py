"""Writes signatures as a SavedModel that a server loads."""

import pathlib

import tensorflow as tf

from keras_transfer.export.signatures import METHODS

CLASS_NAMES = "assets/class_names.txt"
#: Under this name Google's inference converter finds what runs on a TPU.
TPU_ALIAS = "tpu_func"


def write(folder, model, signatures, default, class_names=None):
    """Writes the SavedModel, with nothing in it but what is run.

    Variables are those that the signatures read, tracked as `tf.Variable`s,
    by which the server finds them; what a model was trained with beside
    (discriminators, for example) stays behind.

    Args:
        folder: Where it goes.
        model: The model whose tables the signatures use.
        signatures: Dict from name to `Signature`.
        default: Name of the one that is `serving_default` too.
        class_names: List of strings for the asset, or `None`.

    Raises:
        ValueError: If the model has an asset of the same name.
    """
    functions = {name: _traced(s) for name, s in signatures.items()}
    root = tf.train.Checkpoint()
    root.variables = _variables(functions.values())
    root.resources = [
        resource
        for resource in tf.train.TrackableView(model).descendants()
        if isinstance(resource, tf.saved_model.experimental.TrackableResource)
    ]
    functions["serving_default"] = functions[default]
    core = signatures[default].core
    options = tf.saved_model.SaveOptions(function_aliases={TPU_ALIAS: core})
    tf.saved_model.save(root, str(folder), functions, options)
    _set_methods(folder, {**signatures, "serving_default": signatures[default]})
    if class_names is not None:
        path = pathlib.Path(folder, CLASS_NAMES)
        path.parent.mkdir(exist_ok=True)
        if path.exists():
            raise ValueError(
                f"The model has a vocabulary file named {path.name!r}, where "
                "an export keeps its class names. Rename the file and build "
                "the model with that."
            )
        lines = "".join(f"{name}\n" for name in class_names)
        path.write_text(lines, encoding="utf-8")


def _traced(signature):
    def function(**tensors):
        return signature.function(tensors)

    function.__name__ = signature.name  # part of the names in the graph
    return tf.function(function).get_concrete_function(**signature.specs)


def _variables(functions):
    read = [v for function in functions for v in function.variables]
    return list({id(variable): variable for variable in read}.values())


def _set_methods(folder, signatures):
    """The server's older APIs ask for a method name of their own."""
    changes = {
        key: METHODS[signature.name]
        for key, signature in signatures.items()
        if signature.name in METHODS
    }
    if not changes:
        return
    updater = tf.compat.v1.saved_model.signature_def_utils.MethodNameUpdater(
        str(folder)
    )
    for key, method in changes.items():
        updater.replace_method_name(signature_key=key, method_name=method)
    updater.save()
