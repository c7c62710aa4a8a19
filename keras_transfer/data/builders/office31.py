"""Office-31, objects of an office in three domains."""

import tensorflow_datasets as tfds

from keras_transfer.data.builders.archive import Archive
from keras_transfer.data.builders.class_folders import examples_below
from keras_transfer.data.builders.manual_builder import ManualBuilder
from keras_transfer.data.builders.manual_builder import configs

_PAGE = "https://faculty.cc.gatech.edu/~judy/domainadapt/"

CLASS_NAMES = (
    "back_pack",
    "bike",
    "bike_helmet",
    "bookcase",
    "bottle",
    "calculator",
    "desk_chair",
    "desk_lamp",
    "desktop_computer",
    "file_cabinet",
    "headphones",
    "keyboard",
    "laptop_computer",
    "letter_tray",
    "mobile_phone",
    "monitor",
    "mouse",
    "mug",
    "paper_notebook",
    "pen",
    "phone",
    "printer",
    "projector",
    "punchers",
    "ring_binder",
    "ruler",
    "scissors",
    "speaker",
    "stapler",
    "tape_dispenser",
    "trash_can",
)


class Office31(ManualBuilder):
    """Office-31: `amazon` 2,817, `dslr` 498 and `webcam` 795 images."""

    name = "keras_transfer_office31"
    archives = [Archive("domain_adaptation_images.tar.gz", _PAGE)]
    BUILDER_CONFIGS = configs(["amazon", "dslr", "webcam"])

    def _info(self):
        return self.described(
            {
                "image": tfds.features.Image(),
                "label": tfds.features.ClassLabel(names=CLASS_NAMES),
            },
            ("image", "label"),
            "31 kinds of objects of an office, from a shop's pages, a camera "
            "and a web camera.",
            _PAGE,
            """@inproceedings{saenko2010,
              author = {Kate Saenko and Brian Kulis and Mario Fritz and
                Trevor Darrell},
              title = {Adapting Visual Category Models to New Domains},
              booktitle = {ECCV},
              year = {2010}
            }""",
        )

    def _split_generators(self, dl_manager):
        (path,) = self.check_archives(dl_manager.manual_dir)
        return {"train": self._generate_examples(dl_manager, path)}

    def _generate_examples(self, dl_manager, path):
        folders = (self.builder_config.name, "images")
        files = dl_manager.iter_archive(path)
        yield from examples_below(files, folders, CLASS_NAMES)
