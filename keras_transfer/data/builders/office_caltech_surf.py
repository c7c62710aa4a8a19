"""Office-Caltech-10, bags of visual words."""

import numpy as np
import tensorflow_datasets as tfds

from keras_transfer.data.benchmarks import OFFICE_CALTECH_CLASSES
from keras_transfer.data.builders.archive import Archive
from keras_transfer.data.builders.feature_files import feature_examples
from keras_transfer.data.builders.manual_builder import ManualBuilder
from keras_transfer.data.builders.manual_builder import configs

_PAGE = (
    "https://github.com/jindongwang/transferlearning/tree/"
    "73cb050b7e8b969b9d0ebb04a9377aa033043eb2/code/BDA/data"
)

_FILES = {
    "amazon": "amazon_SURF_L10.mat",
    "caltech": "Caltech10_SURF_L10.mat",
    "dslr": "dslr_SURF_L10.mat",
    "webcam": "webcam_SURF_L10.mat",
}


class OfficeCaltechSurf(ManualBuilder):
    """Ten classes of Office and Caltech-256: 800 counts of words, uint8."""

    name = "keras_transfer_office_caltech_surf"
    BUILDER_CONFIGS = configs(_FILES)

    @property
    def archives(self):
        """The file of this domain."""
        return [Archive(_FILES[self.builder_config.name], _PAGE)]

    def _info(self):
        return self.described(
            {
                "features": tfds.features.Tensor(shape=(800,), dtype=np.uint8),
                "label": tfds.features.ClassLabel(names=OFFICE_CALTECH_CLASSES),
            },
            ("features", "label"),
            "Counts of 800 visual words for the images of ten classes.",
            _PAGE,
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
        yield from feature_examples(path, "uint8")
