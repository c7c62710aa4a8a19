"""Real SavedModels in the reusable interface, made for the tests."""

import pathlib

import numpy as np
import tensorflow as tf

VOCABULARY = ("good", "bad", "film")


class ConvNet(tf.Module):
    """Convolution, batch norm, regularization, pooling: an image encoder."""

    def __init__(self):
        super().__init__()
        values = np.random.default_rng(0).normal(size=(3, 3, 3, 4)) * 0.3
        self.kernel = tf.Variable(values, dtype="float32", name="conv/kernel")
        self.gamma = tf.Variable(tf.ones([4]), name="norm/gamma")
        self.beta = tf.Variable(tf.zeros([4]), name="norm/beta")
        self.mean = tf.Variable(tf.zeros([4]), False, name="norm/mean")
        self.variance = tf.Variable(tf.ones([4]), False, name="norm/variance")

    def forward(self, images, training, momentum=0.9):
        """Features `(batch, 4)`."""
        x = tf.nn.conv2d(images, self.kernel, 2, "SAME")
        mean, variance = self.mean, self.variance
        if training:
            mean, variance = tf.nn.moments(x, [0, 1, 2])
            for average, value in (
                (self.mean, mean),
                (self.variance, variance),
            ):
                average.assign(momentum * average + (1 - momentum) * value)
        x = tf.nn.batch_normalization(
            x, mean, variance, self.beta, self.gamma, 1e-3
        )
        return tf.reduce_mean(tf.nn.relu(x), [1, 2])

    def regularization(self):
        """L2 of the kernel."""
        return 0.01 * tf.reduce_sum(tf.square(self.kernel))


def image_encoder(folder, size=8):
    """Takes `(batch, size, size, 3)`; regularized; `training`."""
    net = ConvNet()
    function = tf.function(
        lambda inputs, training=False: net.forward(inputs, training)
    )
    _trace(function, tf.TensorSpec([None, size, size, 3], name="inputs"))
    root = _root(function, net)
    root.regularization_losses = [tf.function(net.regularization)]
    root.regularization_losses[0].get_concrete_function()
    return _save(root, folder)


def keyword_encoder(folder):
    """As `image_encoder`, with the momentum of batch norm as an argument."""
    net = ConvNet()

    @tf.function
    def function(inputs, training=False, batch_norm_momentum=0.9):
        return net.forward(inputs, training, batch_norm_momentum)

    for momentum in (0.9, 0.5):
        _trace(
            function,
            tf.TensorSpec([None, 8, 8, 3], name="inputs"),
            batch_norm_momentum=momentum,
        )
    return _save(_root(function, net), folder)


class TextNet(tf.Module):
    """Words from a vocabulary file to a mean of vectors; no `training`."""

    def __init__(self, vocabulary):
        super().__init__()
        initializer = tf.lookup.TextFileInitializer(
            str(vocabulary),
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        )
        self.table = tf.lookup.StaticHashTable(initializer, 3)
        values = np.random.default_rng(1).normal(size=(4, 5))
        self.vectors = tf.Variable(values, dtype="float32", name="embeddings")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, inputs):
        ids = self.table.lookup(tf.strings.split(tf.strings.lower(inputs)))
        return tf.reduce_mean(
            tf.ragged.map_flat_values(
                lambda ids: tf.nn.embedding_lookup(self.vectors, ids), ids
            ),
            axis=1,
        )


def text_encoder(folder):
    """Takes strings `(batch,)`; a `tf.Module`, which lists no variables."""
    vocabulary = pathlib.Path(folder).with_suffix(".txt")
    vocabulary.write_text("\n".join(VOCABULARY) + "\n")
    path = _save(TextNet(vocabulary), folder)
    vocabulary.unlink()  # the SavedModel has a copy
    return path


def dict_encoder(folder):
    """As BERT: a dict of int32 in, a dict of features out."""
    values = np.random.default_rng(2).normal(size=(7, 3))
    table = tf.Variable(values, dtype="float32", name="word_embeddings")
    dense = tf.Variable(tf.eye(3), name="pooler/kernel")

    @tf.function
    def function(inputs, training=False):
        del training
        words = tf.gather(table, inputs["input_word_ids"])
        mask = tf.cast(inputs["input_mask"], tf.float32)[..., None]
        pooled = tf.tanh(tf.reduce_sum(words * mask, 1) @ dense)
        return {"pooled_output": pooled, "sequence_output": words}

    _trace(
        function,
        {
            key: tf.TensorSpec([None, 4], tf.int32, name=key)
            for key in ("input_word_ids", "input_mask")
        },
    )
    root = tf.train.Checkpoint(table=table, dense=dense)
    root.__call__ = function
    root.variables = [table, dense]
    root.trainable_variables = [table, dense]
    return _save(root, folder)


def audio_encoder(folder):
    """As YAMNet: one waveform without a batch; a tuple of outputs."""
    kernel = tf.Variable(tf.ones([4, 2]), name="kernel")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def function(waveform):
        frames = tf.signal.frame(waveform, 4, 4)
        return tf.nn.softmax(frames), frames @ kernel

    root = tf.train.Checkpoint(kernel=kernel)
    root.__call__ = function
    return _save(root, folder)


def list_encoder(folder):
    """Two tensors in, as a list; a list of two out."""
    scale = tf.Variable(2.0, name="scale")

    @tf.function
    def function(inputs, training=False):
        del training
        return [inputs[0] * scale, inputs[0] + inputs[1]]

    _trace(function, [tf.TensorSpec([None, 3], name=n) for n in "ab"])
    root = tf.train.Checkpoint(scale=scale)
    root.__call__ = function
    root.variables = root.trainable_variables = [scale]
    return _save(root, folder)


def served_only(folder):
    """Signatures and no reusable interface, as an export for serving."""
    scale = tf.Variable(3.0, name="scale")

    @tf.function(input_signature=[tf.TensorSpec([None, 2], name="x")])
    def predict(x):
        return {"scaled": x * scale}

    root = tf.train.Checkpoint(scale=scale)
    root.predict = predict
    tf.saved_model.save(root, str(folder), {"serving_default": predict})
    return str(folder)


def keras_2_encoder(folder):
    """What the authors of TF-Hub's models wrote: Keras 2's SavedModel."""
    import tf_keras

    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [
            layers.Conv2D(4, 3, kernel_regularizer="l2", input_shape=(8, 8, 3)),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.GlobalAveragePooling2D(),
        ]
    )
    model.save(str(folder), save_format="tf")
    return str(folder)


def _trace(function, spec, **arguments):
    for training in (False, True):
        function.get_concrete_function(spec, training=training, **arguments)


def _root(function, net):
    root = tf.train.Checkpoint(net=net)
    root.__call__ = function
    root.variables = list(net.variables)
    root.trainable_variables = list(net.trainable_variables)
    return root


def _save(root, folder):
    tf.saved_model.save(root, str(folder))
    return str(folder)
