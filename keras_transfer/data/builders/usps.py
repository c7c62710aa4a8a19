"""USPS, 9,298 digits from envelopes."""

import bz2

import numpy as np
import tensorflow_datasets as tfds

from keras_transfer.data.builders.archive import Archive
from keras_transfer.data.builders.manual_builder import ManualBuilder

_PAGE = (
    "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass.html"
)

#: The checksums that torchvision has.
ARCHIVES = [
    Archive("usps.bz2", _PAGE, md5="ec16c51db3855ca6c91edd34d0e9b197"),
    Archive("usps.t.bz2", _PAGE, md5="8ea070ee2aca1ac39742fdd1ef5ed118"),
]

_SHAPE = (16, 16, 1)


class Usps(ManualBuilder):
    """USPS as the LIBSVM project gives it: 7,291 and 2,007 rows.

    Values from -1 to 1 become `round(255 (v + 1) / 2)`, labels 1 to 10 become
    0 to 9.
    """

    name = "keras_transfer_usps"
    archives = ARCHIVES

    def _info(self):
        return self.described(
            {
                "image": tfds.features.Image(shape=_SHAPE),
                "label": tfds.features.ClassLabel(num_classes=10),
            },
            ("image", "label"),
            "Handwritten digits from envelopes, 16 x 16 pixels.",
            _PAGE,
            """@article{hull1994,
              author = {J. J. Hull},
              title = {A database for handwritten text recognition research},
              journal = {IEEE TPAMI},
              volume = {16},
              number = {5},
              year = {1994}
            }""",
        )

    def _split_generators(self, dl_manager):
        train, test = self.check_archives(dl_manager.manual_dir)
        return {
            "train": self._generate_examples(train),
            "test": self._generate_examples(test),
        }

    def _generate_examples(self, path):
        from sklearn.datasets import load_svmlight_file

        with bz2.open(path) as file:
            rows, labels = load_svmlight_file(
                file, n_features=256, zero_based=False
            )
        images = np.rint((rows.toarray() + 1.0) * 127.5).astype("uint8")
        for number, label in enumerate(labels.astype("int64") - 1):
            yield (
                number,
                {"image": images[number].reshape(_SHAPE), "label": int(label)},
            )
