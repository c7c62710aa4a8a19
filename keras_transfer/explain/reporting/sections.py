"""The sections of a report, each with what there is to show."""

import dataclasses

from keras_transfer.explain.reporting import pictures
from keras_transfer.explain.reporting import sentence
from keras_transfer.explain.reporting import tables
from keras_transfer.explain.reporting import words


@dataclasses.dataclass
class Section:
    """A heading and what stands under it.

    Attributes:
        key: Its anchor.
        title: The heading.
        text: A sentence on how to read it.
        tables: List of `tables.Table`.
        charts: List of `inline.Chart`.
        folded: Dict from a summary to a list of charts or tables that are
            shown when asked for.
        notes: List of sentences in small print.
    """

    key: str
    title: str
    text: str = ""
    tables: list = dataclasses.field(default_factory=list)
    charts: list = dataclasses.field(default_factory=list)
    folded: dict = dataclasses.field(default_factory=dict)
    notes: list = dataclasses.field(default_factory=list)

    @property
    def is_empty(self):
        """Whether there is nothing to show."""
        return not (self.tables or self.charts or self.folded)


def sections(material):
    """All sections that have something to show.

    Args:
        material: A `Material`.

    Returns:
        A list of `Section`.
    """
    made = [
        _runs(material),
        _curves(material.entries),
        _predictions(material.entries),
        _confidence(material.entries),
        _features(material.entries),
        _attributions(material.entries),
        _transfer(material),
        _exports(material.exports),
        _provenance(material.entries),
    ]
    return [section for section in made if not section.is_empty]


def _runs(material):
    chosen = sentence.chosen(material)
    return Section(
        "runs",
        "The runs",
        "Accuracies are of the rows that were recorded after training."
        if _has_accuracy(material.entries)
        else "",
        tables=[tables.runs(material.entries, chosen)]
        + tables.means(material.results),
        notes=[f"Marked: {words.listed(chosen)}, the chosen run."]
        if chosen
        else [],
    )


def _curves(entries):
    charts, others = pictures.curves(entries)
    folded = {"Metrics that some runs have": others} if others else {}
    folded["Metrics of the last epoch"] = [tables.last_epoch(entries)]
    return Section(
        "curves",
        "Training",
        "Dashed lines are of training, solid ones of validation.",
        charts=charts,
        folded=folded if charts or others else {},
    )


def _predictions(entries):
    target = pictures.confusions(entries, "target")
    source = pictures.confusions(entries, "source")
    # Without labels of the target the source is what there is.
    shown, folded = (target, source) if target else (source, [])
    return Section(
        "predictions",
        "Predictions",
        "Rows are true classes and columns predicted ones: what lies off the "
        "diagonal is taken for something else. The number is of rows, the "
        "colour their share of the true class.",
        charts=shown,
        folded={"The same on the source": folded} if folded else {},
    )


def _confidence(entries):
    target = pictures.reliability(entries, "target")
    source = pictures.reliability(entries, "source")
    shown, folded = (target, source) if target else (source, [])
    table = tables.predictions(entries)
    return Section(
        "confidence",
        "Confidence",
        "Points below the diagonal are of predictions that are surer than "
        "they are right. The calibration error is the mean distance.",
        tables=[table] if table.rows else [],
        charts=shown,
        folded={"The same on the source": folded} if folded else {},
    )


def _features(entries):
    return Section(
        "features",
        "Features of the two domains",
        "Where the colours of the domains lie apart, the model can tell them "
        "apart; adaptation brings them together, class by class. Each map is "
        "drawn on its own: compare shapes, not positions.",
        charts=pictures.features(entries) + pictures.distances(entries),
        notes=_notes(entries, "No features"),
    )


def _attributions(entries):
    source = pictures.attributions(entries, "source")
    target = pictures.attributions(entries, "target")
    return Section(
        "attributions",
        "Where the models look",
        "Yellow is where a run saw the class that it predicted (Grad-CAM, as "
        "fine as its last layer with places).",
        charts=target,
        folded={"The same on the source": source} if source else {},
        notes=_notes(entries, "No Grad-CAM"),
    )


def _transfer(material):
    made = tables.records(material.entries)
    for results in material.results:
        figures = results.get("figures")
        if isinstance(figures, dict) and figures:
            made.append(tables.properties(figures, "Figures of the whole"))
    return Section(
        "transfer",
        "Did the transfer help?",
        "Figures that were recorded with the runs. A negative transfer gap is "
        "the error of a run less that of its reference: below 0 the transfer "
        "helped.",
        tables=made,
    )


def _exports(exports):
    made, folded = [], {}
    for folder, card in exports.items():
        table = tables.signatures(card)
        made.append(
            dataclasses.replace(table, caption=f"Signatures of {folder}")
        )
        facts = {k: v for k, v in card.items() if k not in _NOT_OF_THE_CARD}
        checked = card.get("verification", {}).get("checks", [])
        passed = sum(check.get("status") == "pass" for check in checked)
        facts["checks passed"] = f"{passed} of {len(checked)}"
        difference = card.get("verification", {}).get("largest_difference")
        facts["largest difference to the model"] = difference
        folded[f"Card of {folder}"] = [tables.properties(facts, "Model card")]
    return Section(
        "export",
        "Exported model",
        "A SavedModel that TensorFlow Serving loads; it was loaded and "
        "compared with the model before it was published.",
        tables=made,
        folded=folded,
    )


def _provenance(entries):
    return Section(
        "provenance",
        "How to repeat it",
        tables=tables.settings(entries, _training, "What was trained")
        + tables.settings(entries, _origin, "Where and when"),
        notes=list(
            dict.fromkeys(
                note
                for entry in entries
                if entry.evidence
                for note in entry.evidence.notes
            )
        ),
    )


#: Of a model card: shown elsewhere.
_NOT_OF_THE_CARD = ("signatures", "verification", "backbones")
#: Of a trainer's config: what every Keras layer has.
_NO_SETTING = ("name", "trainable", "dtype")


def _training(entry):
    facts = entry.facts
    trainer = facts["trainer"] or {"class": None, "config": {}}
    optimizer = facts["optimizer"] or {}
    given = optimizer.get("config") or {}
    return {
        "data": facts["data"],
        "seed": facts["seed"],
        "trainer": trainer["class"],
        **{
            key: _short(value)
            for key, value in trainer["config"].items()
            if key not in _NO_SETTING
        },
        "model": facts["model"]["class"],
        "parameters": facts["model"]["parameters"],
        "optimizer": optimizer.get("class"),
        "learning rate": _short(given.get("learning_rate")),
        "loss": facts["loss"],
        "epochs": facts["budget"]["epochs"],
        "steps per epoch": facts["budget"]["steps_per_epoch"],
        "config": facts["config"],
    }


def _origin(entry):
    facts = entry.facts
    timings = facts["timings"]
    return {
        "command": facts["command"],
        "began": words.moment(timings["started"]),
        "ended": words.moment(timings["ended"]),
        "machine": facts["machine"]["system"],
        "cores": facts["machine"]["cores"],
        "GPUs": facts["machine"]["gpus"],
        **facts["versions"],
    }


def _short(value):
    """What Keras has serialized, by its class."""
    if isinstance(value, list):
        return [_short(part) for part in value] or None
    if isinstance(value, dict) and "class_name" in value:
        return value["class_name"]
    return value


def _has_accuracy(entries):
    return any(
        entry.evidence and entry.evidence.source.accuracy is not None
        for entry in entries
    )


def _notes(entries, beginning):
    return list(
        dict.fromkeys(
            f"{entry.name}: {note}"
            for entry in entries
            if entry.evidence
            for note in entry.evidence.notes
            if note.startswith(beginning)
        )
    )
