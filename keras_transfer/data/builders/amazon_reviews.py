"""Amazon reviews, as counts of words and pairs of words."""

import numpy as np
import tensorflow_datasets as tfds

from keras_transfer.data.builders.archive import Archive
from keras_transfer.data.builders.manual_builder import ManualBuilder
from keras_transfer.data.builders.manual_builder import configs

_PAGE = (
    "https://github.com/GRAAL-Research/domain_adversarial_neural_network/"
    "tree/master/data"
)

_WIDTH = 5000


class AmazonReviews(ManualBuilder):
    """Reviews of four kinds of products, good or bad.

    Counts of the 5000 most frequent words and pairs of words: 2,000 rows to
    train on, 3,586 to 5,945 to test.
    """

    name = "keras_transfer_amazon_reviews"
    BUILDER_CONFIGS = configs(["books", "dvd", "electronics", "kitchen"])

    @property
    def archives(self):
        """The two files of this domain."""
        domain = self.builder_config.name
        return [
            Archive(f"{domain}_{split}.svmlight", _PAGE)
            for split in ("train", "test")
        ]

    def _info(self):
        return self.described(
            {
                "counts": tfds.features.Tensor(
                    shape=(_WIDTH,),
                    dtype=np.float32,
                    encoding=tfds.features.Encoding.ZLIB,
                ),
                "label": tfds.features.ClassLabel(
                    names=["negative", "positive"]
                ),
            },
            ("counts", "label"),
            "Counts of words in reviews, and whether the review is good.",
            _PAGE,
            """@inproceedings{chen2012,
              author = {Minmin Chen and Zhixiang Xu and Kilian Weinberger and
                Fei Sha},
              title = {Marginalized Denoising Autoencoders for Domain
                Adaptation},
              booktitle = {ICML},
              year = {2012}
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

        rows, labels = load_svmlight_file(
            str(path), n_features=_WIDTH, zero_based=True, dtype=np.float32
        )
        for number, label in enumerate(labels):
            counts = rows[number].toarray()[0]
            yield number, {"counts": counts, "label": int(label > 0)}
