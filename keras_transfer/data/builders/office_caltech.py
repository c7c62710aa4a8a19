"""Office-Caltech-10, whatever the features of its images."""

import numpy as np
import tensorflow_datasets as tfds

from keras_transfer.data.benchmarks import OFFICE_CALTECH_CLASSES
from keras_transfer.data.builders.archive import Archive
from keras_transfer.data.builders.feature_files import feature_examples
from keras_transfer.data.builders.manual_builder import ManualBuilder


class OfficeCaltech(ManualBuilder, skip_registration=True):
    """Ten classes of Office and Caltech-256, one file for each domain.

    Subclasses say where the files are from and what is in them.
    """

    #: Dict from the domain to the path of its file.
    FILES: dict
    #: Where they are got from.
    PAGE: str
    #: A sentence on the features.
    FEATURES: str
    WIDTH: int
    DTYPE: str

    @property
    def archives(self):
        """The file of this domain."""
        return [Archive(self.FILES[self.builder_config.name], self.PAGE)]

    def _info(self):
        features = tfds.features.Tensor(
            shape=(self.WIDTH,), dtype=np.dtype(self.DTYPE).type
        )
        return self.described(
            {
                "features": features,
                "label": tfds.features.ClassLabel(names=OFFICE_CALTECH_CLASSES),
            },
            ("features", "label"),
            self.FEATURES,
            self.PAGE,
            """@inproceedings{gong2012,
              author = {Boqing Gong and Yuan Shi and Fei Sha and Kristen
                Grauman},
              title = {Geodesic Flow Kernel for Unsupervised Domain
                Adaptation},
              booktitle = {CVPR},
              year = {2012}
            }""",
        )

    def _split_generators(self, dl_manager):
        (path,) = self.check_archives(dl_manager.manual_dir)
        return {"train": self._generate_examples(path)}

    def _generate_examples(self, path):
        yield from feature_examples(path, self.DTYPE)
