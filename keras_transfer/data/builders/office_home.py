"""Office-Home, objects of office and home in four domains."""

import tensorflow_datasets as tfds

from keras_transfer.data.builders.archive import Archive
from keras_transfer.data.builders.class_folders import examples_below
from keras_transfer.data.builders.manual_builder import ManualBuilder
from keras_transfer.data.builders.manual_builder import configs

_PAGE = "https://www.hemanthdv.org/officeHomeDataset.html"

_FOLDERS = {
    "art": "Art",
    "clipart": "Clipart",
    "product": "Product",
    "real_world": "Real World",
}

CLASS_NAMES = (
    "Alarm_Clock",
    "Backpack",
    "Batteries",
    "Bed",
    "Bike",
    "Bottle",
    "Bucket",
    "Calculator",
    "Calendar",
    "Candles",
    "Chair",
    "Clipboards",
    "Computer",
    "Couch",
    "Curtains",
    "Desk_Lamp",
    "Drill",
    "Eraser",
    "Exit_Sign",
    "Fan",
    "File_Cabinet",
    "Flipflops",
    "Flowers",
    "Folder",
    "Fork",
    "Glasses",
    "Hammer",
    "Helmet",
    "Kettle",
    "Keyboard",
    "Knives",
    "Lamp_Shade",
    "Laptop",
    "Marker",
    "Monitor",
    "Mop",
    "Mouse",
    "Mug",
    "Notebook",
    "Oven",
    "Pan",
    "Paper_Clip",
    "Pen",
    "Pencil",
    "Postit_Notes",
    "Printer",
    "Push_Pin",
    "Radio",
    "Refrigerator",
    "Ruler",
    "Scissors",
    "Screwdriver",
    "Shelf",
    "Sink",
    "Sneakers",
    "Soda",
    "Speaker",
    "Spoon",
    "TV",
    "Table",
    "Telephone",
    "ToothBrush",
    "Toys",
    "Trash_Can",
    "Webcam",
)


class OfficeHome(ManualBuilder):
    """Office-Home: 15,588 images of 65 classes in four domains."""

    name = "keras_transfer_office_home"
    archives = [Archive("OfficeHomeDataset_10072016.zip", _PAGE)]
    BUILDER_CONFIGS = configs(_FOLDERS)

    def _info(self):
        return self.described(
            {
                "image": tfds.features.Image(),
                "label": tfds.features.ClassLabel(names=CLASS_NAMES),
            },
            ("image", "label"),
            "65 kinds of objects as art, clipart, product picture and photo.",
            _PAGE,
            """@inproceedings{venkateswara2017,
              author = {Hemanth Venkateswara and Jose Eusebio and Shayok
                Chakraborty and Sethuraman Panchanathan},
              title = {Deep Hashing Network for Unsupervised Domain
                Adaptation},
              booktitle = {CVPR},
              year = {2017}
            }""",
        )

    def _split_generators(self, dl_manager):
        (path,) = self.check_archives(dl_manager.manual_dir)
        return {"train": self._generate_examples(dl_manager, path)}

    def _generate_examples(self, dl_manager, path):
        folders = (_FOLDERS[self.builder_config.name],)
        files = dl_manager.iter_archive(path)
        yield from examples_below(files, folders, CLASS_NAMES)
