"""What the builders of this package have in common."""

import abc

import tensorflow_datasets as tfds

from keras_transfer.data.builders.archive import instructions


class ManualBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A TFDS builder of archives that the user places by hand.

    Subclasses list them in `ARCHIVES`, or in a dict from the name of a config
    to its own list, and call `archives_in` from `_split_generators`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}

    @property
    @abc.abstractmethod
    def archives(self):
        """List of the `Archive`s that this config is made of."""

    @property
    def MANUAL_DOWNLOAD_INSTRUCTIONS(self):  # noqa: N802, TFDS' name
        """What TFDS tells the user."""
        return instructions(self.archives)

    def check_archives(self, folder):
        """Finds all archives and compares their checksums.

        Args:
            folder: Where the user should have put them.

        Returns:
            List of paths.

        Raises:
            FileNotFoundError: If one is not there, with where to get it.
            ValueError: If a checksum differs.
        """
        return [archive.check(folder) for archive in self.archives]

    def described(self, features, keys, description, homepage, citation):
        """The `DatasetInfo` of a labelled set.

        Args:
            features: Dict of TFDS features.
            keys: Names of the input and of the label.
            description: What the set is.
            homepage: Its official page.
            citation: BibTeX.

        Returns:
            A `tfds.core.DatasetInfo`.
        """
        return tfds.core.DatasetInfo(
            builder=self,
            description=description,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=keys,
            homepage=homepage,
            citation=citation,
        )


def configs(names):
    """One TFDS config for each domain.

    Args:
        names: Names of the domains.

    Returns:
        List of `tfds.core.BuilderConfig`.

    Example:

    >>> from keras_transfer.data.builders.manual_builder import configs
    >>> [config.name for config in configs(["amazon", "dslr"])]
    ['amazon', 'dslr']
    """
    return [
        tfds.core.BuilderConfig(name=name, description=f"Domain {name}.")
        for name in names
    ]
