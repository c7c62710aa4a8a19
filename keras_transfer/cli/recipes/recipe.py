"""What a recipe says, as data."""

import dataclasses
import datetime
from typing import Literal

from keras_transfer.cli.recipes.sections import Count
from keras_transfer.cli.recipes.sections import Positive
from keras_transfer.cli.recipes.sections import Share
from keras_transfer.cli.recipes.sections import Whole


@dataclasses.dataclass(frozen=True)
class Words:
    """`[recipe]`: what people read; a change of it changes no run.

    Args:
        name: That of the file, without `.toml`.
        description: One or two sentences.
        reference: Paper, table or script that the recipe follows.
    """

    name: str
    description: str
    reference: str = ""


@dataclasses.dataclass(frozen=True)
class Figures:
    """`[figures]`: what came out, put in by hand after a run.

    Args:
        date: Of the run.
        mean: Of each figure over the seeds.
        spread: Their standard deviations, where there are several seeds.
        note: What else to know, such as the machine.
    """

    date: datetime.date
    mean: dict[str, float]
    spread: dict[str, float] = dataclasses.field(default_factory=dict)
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Data:
    """`[data]`: which rows train and which measure.

    Args:
        source: Name for `data.load`, or `"digits_on_photos/source"`.
        target: The same of the target.
        folder: Folder of `.npz` files, beside the recipe; `--data` comes
            first. Without one, TensorFlow Datasets.
        size: Pixels on a side that images are brought to.
        channels: 1 or 3, of images.
        source_split: Which part of the source trains.
        target_split: Which part of the target trains.
        source_test: Which part of the source measures.
        target_test: Which part of the target measures.
        held_out: Share of the source that measures instead of `source_test`:
            of its rows, or for few shots of its classes.
        per_class: Labelled rows of a class that train, drawn by the seed.
    """

    source: str | None = None
    target: str | None = None
    folder: str | None = None
    size: Count | None = None
    channels: Literal[1, 3] | None = None
    source_split: str = "train"
    target_split: str = "train"
    source_test: str = "test"
    target_test: str = "test"
    held_out: Share | None = None
    per_class: Count | None = None


@dataclasses.dataclass(frozen=True)
class Model:
    """`[model]`: a network by name, or a backbone of the zoo.

    Args:
        network: See `networks.NETWORKS`.
        backbone: Name, handle or folder for `zoo.load`.
        units: Widths of the hidden layers of `"dense"`.
        dropout: Share, of the networks that have it.
        batch_norm: Whether the network has batch norm.
    """

    network: Literal["lenet", "digits", "conv4", "dense"] | None = None
    backbone: str | None = None
    units: tuple[Count, ...] = (64,)
    dropout: Share | None = None
    batch_norm: bool = True


@dataclasses.dataclass(frozen=True)
class Adaptation:
    """`[method]` with `family = "adaptation"`: labels of the source only.

    Args:
        alignment: Name of the term, `"none"` for the source alone.
        weight: Of the term.
        strength: What DANN's reversal strength rises to.
        discriminator_units: Widths of DANN's discriminator.
        features: Layer to align; by default the input of the last layer.
        batch_norm: As for `DomainAdaptation`.
    """

    family: Literal["adaptation"]
    alignment: Literal["none", "dann", "dan", "deep_coral"] = "dann"
    weight: Positive | None = None
    strength: Positive | None = None
    discriminator_units: tuple[Count, ...] | None = None
    features: str | None = None
    batch_norm: Literal["shared", "separate", "domain_specific"] = "shared"


@dataclasses.dataclass(frozen=True)
class Finetune:
    """`[method]` with `family = "finetune"`: a few labels of the target.

    Args:
        strategy: As for `finetune.prepare`.
        head_epochs: Epochs in which the new head learns alone, before those
            of the budget.
        head_learning_rate: Of these; by default that of the budget.
    """

    family: Literal["finetune"]
    strategy: Literal["head", "lora", "gradual", "full"] = "head"
    head_epochs: Whole = 0
    head_learning_rate: Positive | None = None


@dataclasses.dataclass(frozen=True)
class FewShot:
    """`[method]` with `family = "few_shot"`: new classes from a few rows.

    Args:
        learner: Which trainer of `meta`.
        ways: Classes of an episode that measures.
        shots: Support rows of a class.
        queries: Query rows of a class.
        train_ways: Classes of an episode that trains; as many by default.
        train_queries: Query rows of a class in training.
        tasks: Episodes of a training step.
        rotations: Whether turned images are further classes.
        episodes: How many measure.
    """

    family: Literal["few_shot"]
    learner: Literal["prototypical", "matching"] = "prototypical"
    ways: Count = 5
    shots: Count = 1
    queries: Count = 15
    train_ways: Count | None = None
    train_queries: Count = 5
    tasks: Count = 1
    rotations: bool = False
    episodes: Count = 1000


@dataclasses.dataclass(frozen=True)
class Subspace:
    """`[method]` with `family = "subspace"`: closed forms on features.

    Args:
        layer: Which layer of `subspace`; `"none"` for the features as they
            are.
        dimensions: Of the subspace, for the layers that have one.
        scaling: What is done to the rows of each domain before, in order.
        classifier: Fitted to the source's side, measured on the target's. The
            C of SVMs is chosen by 2-fold cross-validation on the source.
    """

    family: Literal["subspace"]
    layer: Literal[
        "none",
        "pca",
        "coral",
        "subspace_alignment",
        "geodesic_flow_kernel",
        "transfer_component_analysis",
    ] = "coral"
    dimensions: Count | None = None
    scaling: tuple[
        Literal["divide_by_sum", "z_scores", "unit_length"], ...
    ] = ()
    classifier: Literal["nearest_neighbour", "linear_svm", "rbf_svm"] = (
        "nearest_neighbour"
    )


@dataclasses.dataclass(frozen=True)
class Budget:
    """`[budget]`: how long and how fast.

    Args:
        epochs: How often the run is logged and saved.
        steps_per_epoch: By default what one pass over the data takes.
        batch_size: Rows of a step, of each domain where there are two.
        optimizer: `"sgd"` has a momentum of 0.9.
        learning_rate: At the beginning.
        schedule: What becomes of it: `"annealed"` is that of DANN's paper.
        jit_compile: Whether XLA compiles the step.
    """

    epochs: Count = 10
    steps_per_epoch: Count | None = None
    batch_size: Count = 32
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: Positive = 1e-3
    schedule: Literal["constant", "cosine", "annealed"] = "constant"
    jit_compile: bool = False


@dataclasses.dataclass(frozen=True)
class Export:
    """`[export]`: the model of the first seed as a SavedModel.

    Args:
        name: Name of the served model; that of the recipe by default.
        class_names: In the order of the labels; those of the data by default.
        signatures: As for `export.save`.
    """

    name: str | None = None
    class_names: tuple[str, ...] | None = None
    signatures: tuple[
        Literal["predict", "image_bytes", "features", "classify"], ...
    ] = ("predict",)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The whole file.

    Args:
        recipe: `Words`.
        data: `Data`.
        method: What is done, by its `family`.
        seeds: One run each.
        model: `Model`, or `None` where the method needs none.
        budget: `Budget`, or `None` where the method needs none.
        export: `Export`, or `None` for no SavedModel.
        figures: `Figures`, or `None` before the first run.
    """

    recipe: Words
    data: Data
    method: Adaptation | Finetune | FewShot | Subspace
    seeds: tuple[Whole, ...]
    model: Model | None = None
    budget: Budget | None = None
    export: Export | None = None
    figures: Figures | None = None

    def settings(self):
        """What decides the figures of a seed, as JSON holds it."""
        parts = {
            name: dataclasses.asdict(part)
            for name in ("data", "model", "method", "budget", "export")
            if (part := getattr(self, name)) is not None
        }
        return {
            name: {
                key: list(value) if isinstance(value, tuple) else value
                for key, value in part.items()
                if value is not None
            }
            for name, part in parts.items()
        }
