"""VisDA-2017, rendered objects and photographs of the same kinds."""

import tensorflow_datasets as tfds

from keras_transfer.data.builders.archive import Archive
from keras_transfer.data.builders.class_folders import examples_below
from keras_transfer.data.builders.manual_builder import ManualBuilder
from keras_transfer.data.builders.manual_builder import configs

_PAGE = (
    "https://github.com/VisionLearningGroup/taskcv-2017-public/"
    "tree/master/classification"
)

CLASS_NAMES = (
    "aeroplane",
    "bicycle",
    "bus",
    "car",
    "horse",
    "knife",
    "motorcycle",
    "person",
    "plant",
    "skateboard",
    "train",
    "truck",
)


class Visda(ManualBuilder):
    """VisDA-2017: `train` 152,397 rendered images, `validation` 55,388 photos.

    The names are the challenge's: each is a domain, and all of its rows are
    the part "train" of it.
    """

    name = "keras_transfer_visda"
    BUILDER_CONFIGS = configs(["train", "validation"])

    @property
    def archives(self):
        """The one archive of this domain."""
        return [Archive(f"{self.builder_config.name}.tar", _PAGE)]

    def _info(self):
        return self.described(
            {
                "image": tfds.features.Image(),
                "label": tfds.features.ClassLabel(names=CLASS_NAMES),
            },
            ("image", "label"),
            "12 kinds of objects, rendered from models and cut from photos.",
            "https://ai.bu.edu/visda-2017/",
            """@misc{peng2017,
              author = {Xingchao Peng and Ben Usman and Neela Kaushik and
                Judy Hoffman and Dequan Wang and Kate Saenko},
              title = {VisDA: The Visual Domain Adaptation Challenge},
              eprint = {1710.06924},
              year = {2017}
            }""",
        )

    def _split_generators(self, dl_manager):
        (path,) = self.check_archives(dl_manager.manual_dir)
        return {"train": self._generate_examples(dl_manager, path)}

    def _generate_examples(self, dl_manager, path):
        folders = (self.builder_config.name,)
        files = dl_manager.iter_archive(path)
        yield from examples_below(files, folders, CLASS_NAMES)
