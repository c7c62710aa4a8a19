"""MNIST-M, digits over photographs."""

import io
import pathlib

import tensorflow_datasets as tfds

from keras_transfer.data.builders.archive import Archive
from keras_transfer.data.builders.manual_builder import ManualBuilder

_PAGE = "http://yaroslav.ganin.net"

#: The checksum that pytorch-adapt and others have.
ARCHIVES = [
    Archive("mnist_m.tar.gz", _PAGE, md5="859df31c91afe82e80e5012ba928f279")
]


class MnistM(ManualBuilder):
    """MNIST-M as its authors give it: 59,001 and 9,001 images, 32 x 32.

    The archive is read twice: its lists of labels may come behind the images.
    """

    name = "keras_transfer_mnist_m"
    archives = ARCHIVES

    def _info(self):
        return self.described(
            {
                "image": tfds.features.Image(shape=(32, 32, 3)),
                "label": tfds.features.ClassLabel(num_classes=10),
            },
            ("image", "label"),
            "MNIST's digits blended over patches of photographs.",
            _PAGE,
            """@article{ganin2016,
              author = {Yaroslav Ganin and Evgeniya Ustinova and Hana Ajakan
                and Pascal Germain and Hugo Larochelle and Fran\\c{c}ois
                Laviolette and Mario Marchand and Victor Lempitsky},
              title = {Domain-Adversarial Training of Neural Networks},
              journal = {JMLR},
              volume = {17},
              year = {2016}
            }""",
        )

    def _split_generators(self, dl_manager):
        (path,) = self.check_archives(dl_manager.manual_dir)
        return {
            split: self._generate_examples(dl_manager, path, f"mnist_m_{split}")
            for split in ("train", "test")
        }

    def _generate_examples(self, dl_manager, path, part):
        labels = {}
        for name, file in dl_manager.iter_archive(path):
            if pathlib.PurePosixPath(name).name == f"{part}_labels.txt":
                lines = file.read().decode("utf-8").split("\n")
                labels = dict(line.split() for line in lines if line.strip())
        if not labels:
            raise ValueError(f"{path} holds no file {part}_labels.txt.")
        for name, file in dl_manager.iter_archive(path):
            name = pathlib.PurePosixPath(name)
            if name.parent.name == part and name.name in labels:
                yield (
                    name.name,
                    {
                        "image": io.BytesIO(file.read()),
                        "label": int(labels[name.name]),
                    },
                )
