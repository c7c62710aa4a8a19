"""Office-Caltech-10, features of GoogLeNet."""

import numpy as np
import tensorflow_datasets as tfds

from keras_transfer.data.benchmarks import OFFICE_CALTECH_CLASSES
from keras_transfer.data.builders.archive import Archive
from keras_transfer.data.builders.feature_files import feature_examples
from keras_transfer.data.builders.manual_builder import ManualBuilder
from keras_transfer.data.builders.manual_builder import configs

_PAGE = (
    "https://github.com/LeoGautheron/OfficeCaltechDomainAdaptation/tree/"
    "master/features/GoogleNet1024"
)

_FILES = {
    "amazon": "GoogleNet1024/amazon.mat",
    "caltech": "GoogleNet1024/caltech10.mat",
    "dslr": "GoogleNet1024/dslr.mat",
    "webcam": "GoogleNet1024/webcam.mat",
}


class OfficeCaltechGooglenet(ManualBuilder):
    """Ten classes of Office and Caltech-256: 1,024 features, float32."""

    name = "keras_transfer_office_caltech_googlenet"
    BUILDER_CONFIGS = configs(_FILES)

    @property
    def archives(self):
        """The file of this domain."""
        return [Archive(_FILES[self.builder_config.name], _PAGE)]

    def _info(self):
        return self.described(
            {
                "features": tfds.features.Tensor(
                    shape=(1024,), dtype=np.float32
                ),
                "label": tfds.features.ClassLabel(names=OFFICE_CALTECH_CLASSES),
            },
            ("features", "label"),
            "Activations of GoogLeNet for the images of ten classes.",
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
        yield from feature_examples(path, "float32")
