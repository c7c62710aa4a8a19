"""TFDS builders of benchmarks that TensorFlow Datasets does not have.

The import registers them, with `keras_transfer_` in front of their names so
that they clash with no other package's:

    import tensorflow_datasets as tfds
    import keras_transfer.data.builders

    dataset = tfds.load("keras_transfer_office31/amazon", split="train")

They download nothing. Each names the archives it wants in TFDS' folder for
what is placed by hand, by default `DATA_DIR/downloads/manual`.
"""

from keras_transfer.data.builders.amazon_reviews import (
    AmazonReviews as AmazonReviews,
)
from keras_transfer.data.builders.manual_builder import (
    ManualBuilder as ManualBuilder,
)
from keras_transfer.data.builders.mnist_m import MnistM as MnistM
from keras_transfer.data.builders.office31 import Office31 as Office31
from keras_transfer.data.builders.office_caltech_googlenet import (
    OfficeCaltechGooglenet as OfficeCaltechGooglenet,
)
from keras_transfer.data.builders.office_caltech_surf import (
    OfficeCaltechSurf as OfficeCaltechSurf,
)
from keras_transfer.data.builders.office_home import OfficeHome as OfficeHome
from keras_transfer.data.builders.usps import Usps as Usps
from keras_transfer.data.builders.visda import Visda as Visda
