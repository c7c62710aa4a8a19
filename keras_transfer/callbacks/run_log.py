"""Writes a training down, epoch by epoch, into a folder."""

import dataclasses
import datetime
import math
import pathlib
import shutil
import time
import warnings
import weakref

import keras

from keras_transfer import _files
from keras_transfer import _storable
from keras_transfer._public import invalid_argument
from keras_transfer.callbacks import run_facts
from keras_transfer.callbacks import run_folder
from keras_transfer.callbacks.best_value import BestValue
from keras_transfer.callbacks.event_files import EventFiles
from keras_transfer.data.model_outputs import plain_model

_GIVEN = ("config", "data", "seed")


class RunLog(keras.callbacks.Callback):
    """Writes a run folder: facts, metrics per epoch, weights, timings.

    Takes part in any `fit`, of a trainer of this package or of a plain model:

        run.json          config, data and seed as given; class and settings
                          of the trainer, model, optimizer, loss; versions,
                          command, timings in seconds, best epoch, status
        metrics.csv       a row for each epoch, counted from 0 as Keras does
        tensorboard/      the same for TensorBoard (`train`, `validation`)
        best.weights.h5   of the plain model, the trainer left out
        last.weights.h5   likewise

    The status is `running`, then `finished`, or `interrupted` when `fit` ends
    by an exception (a process that is killed leaves `running`).
    `explain.report` and `keras-transfer report` make a page of such folders.

    A training that is continued, by `initial_epoch=k` or by Keras'
    `BackupAndRestore`, keeps the epochs before k and goes on, as
    `CSVLogger(append=True)` does. One that begins at epoch 0 starts the folder
    anew, as `CSVLogger` and `ModelCheckpoint` do; but a folder with a run of
    another config, data, seed, or model is refused and left as it is.

    Files are written whole; TensorBoard's are logs that grow.

    Bad at: large models with short epochs, whose weights are written after
    each one (and again if it is the best). Two trainings at a time in one
    folder: each overwrites the other.

    Args:
        folder: Where to write; made when training begins.
        config: What the run is about, a dict that JSON can hold.
        data: Description of the data: text, or what JSON can hold.
        seed: The seed that was set, for the record; nothing is seeded here.
        monitor: Name of the logged value that says which epoch is best. Do
            not monitor a value that needs target labels if you claim to have
            none.
        mode: `"min"`, `"max"`, or `"auto"`: the larger the better for names
            that end in "accuracy" or "auc", the smaller for all others.

    Attributes:
        folder: The folder, a `pathlib.Path`.
        best: The best value so far, or `None`.

    Raises:
        ValueError: If JSON cannot hold what was given; in `fit`, if the
            folder holds another run, or the monitored value is not logged.

    Example:

    >>> import pathlib, tempfile
    >>> import keras, numpy as np
    >>> import keras_transfer as kt
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> folder = pathlib.Path(tempfile.mkdtemp(), "first")
    >>> log = kt.callbacks.RunLog(folder, config={"method": "plain"}, seed=0)
    >>> x, y = np.ones((8, 3)), np.ones((8, 1))
    >>> history = model.fit(x, y, epochs=2, verbose=0, callbacks=[log])
    >>> log.record(rows=8)
    >>> (folder / "metrics.csv").read_text().splitlines()[0]
    'epoch,loss'
    """

    def __init__(
        self,
        folder,
        config=None,
        data=None,
        seed=None,
        monitor="loss",
        mode="auto",
    ):
        if config is not None and not isinstance(config, dict):
            raise invalid_argument("config", config, "a dict, or None")
        given = {"config": config, "data": data, "seed": seed}
        given = {n: _storable.storable(n, value) for n, value in given.items()}
        best = BestValue(monitor, mode)
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.config = given["config"]
        self.data = given["data"]
        self.seed = given["seed"]
        self.monitor = monitor
        self.mode = best.mode
        self._best = best
        self._facts = None  # of the training that runs, or of the last one
        self._rows = []
        self._events = None
        self._abandoned = None

    @property
    def best(self):
        return self._best.value

    def on_train_begin(self, logs=None):
        self._facts = None
        self._began = time.perf_counter()
        self._started = _now()
        self._check_folder()
        self.folder.mkdir(parents=True, exist_ok=True)

    def on_epoch_begin(self, epoch, logs=None):
        # Only here it is known where a restored training goes on.
        if self._facts is None:
            self._open(epoch)
        self._epoch_began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        seconds = time.perf_counter() - self._epoch_began
        row = {"epoch": epoch, **_scalars(logs or {})}
        is_best = self._is_best(row)
        self._rows.append(row)
        run_folder.write_rows(self.folder, self._rows)
        self._events.add(row)
        self._save_weights(is_best)
        if is_best:
            self._facts["best"].update(epoch=epoch, value=self._best.value)
        self._timings["seconds_per_epoch"].append(round(seconds, 4))
        self._facts |= run_facts.of_training(self.model)
        self._write("running")

    def on_train_end(self, logs=None):
        if self._facts is None:
            return  # there was no epoch
        self._events.close()
        self._abandoned.detach()
        self._timings["ended"] = _now()
        self._write("finished")
        if not any(self.monitor in row for row in self._rows):
            warnings.warn(
                f"RunLog monitors {self.monitor!r}, which was never logged: "
                f"there is no {run_folder.BEST} in {str(self.folder)!r}.",
                stacklevel=2,
            )

    def record(self, **figures):
        """Adds figures of the finished run to `run.json`, for the report.

        Args:
            **figures: Numbers, texts, or records of them, as
                `transferability.negative_transfer_gap` returns.

        Raises:
            ValueError: If there was no training yet, or JSON cannot hold them.
        """
        if self._facts is None:
            raise ValueError(
                "RunLog has nothing to add figures to. Pass it to fit first."
            )
        plain = {name: _as_dict(value) for name, value in figures.items()}
        self._facts["figures"] |= _storable.storable("figures", plain)
        run_folder.write_facts(self.folder, self._facts)

    @property
    def _given(self):
        return {name: getattr(self, name) for name in _GIVEN}

    @property
    def _timings(self):
        return self._facts["timings"]

    def _check_folder(self):
        """Refuses a folder with another run."""
        earlier = run_folder.read_facts(self.folder)
        if earlier is None:
            return
        facts = self._given | run_facts.of_training(self.model)
        for name in (*_GIVEN, "trainer", "model"):
            before, now = earlier[name], facts[name]
            if name in ("trainer", "model"):
                before, now = _compared(before), _compared(now)
            if before != now:
                raise ValueError(
                    f"The folder {str(self.folder)!r} holds a run of another "
                    f"{name}: it was {before!r} and is {now!r}. Give another "
                    "folder, or remove this one."
                )

    def _open(self, epoch):
        """Starts the folder anew, or keeps the epochs before this one."""
        earlier = (run_folder.read_facts(self.folder) or {}) if epoch else {}
        rows = run_folder.read_rows(self.folder) if epoch else []
        self._rows = [row for row in rows if row["epoch"] < epoch]
        if not epoch:
            run_folder.clear(self.folder)
        seconds = earlier.get("timings", {}).get("seconds_per_epoch", [])
        self._kept_seconds = seconds[: len(self._rows)]
        best = earlier.get("best", {})
        # Weights of an epoch that is run again are none of this training.
        is_kept = best.get("epoch") is not None and best["epoch"] < epoch
        if not is_kept or best["monitor"] != self.monitor:
            best = {"epoch": None, "value": None}
        self._best.value = best["value"]
        self._facts = self._new_facts(earlier, best)
        self._write("running")
        self._events = EventFiles(
            self.folder / run_folder.TENSORBOARD, self._rows
        )
        # It must not hold the callback, whose end it waits for.
        self._abandoned = weakref.finalize(
            self, _mark_interrupted, self.folder, self._started
        )

    def _new_facts(self, earlier, best):
        timings = {
            "started": earlier.get("timings", {}).get("started", self._started),
            "ended": None,
            "seconds": None,
            "seconds_per_epoch": list(self._kept_seconds),
        }
        return run_facts.of_run(
            "running",
            self._given,
            run_facts.of_training(self.model),
            timings,
            budget={
                "epochs": self.params.get("epochs"),
                "steps_per_epoch": self.params.get("steps"),
            },
            best={"monitor": self.monitor, "mode": self.mode, **best},
            figures=earlier.get("figures", {}),
        )

    def _is_best(self, row):
        if self.monitor in row:
            value = row[self.monitor]
            return math.isfinite(value) and self._best.update(value)
        is_validation = self.monitor.startswith("val_")
        # With validation_freq it comes later.
        if is_validation and not any(n.startswith("val_") for n in row):
            return False
        raise ValueError(
            f"RunLog monitors {self.monitor!r}, which is not logged. Expected "
            f"one of {sorted(set(row) - {'epoch'})}."
        )

    def _save_weights(self, is_best):
        last = self.folder / run_folder.LAST
        with _files.written_whole(last) as partial:
            plain_model(self.model).save_weights(partial)
        if is_best:
            best = self.folder / run_folder.BEST
            with _files.written_whole(best) as partial:
                shutil.copyfile(last, partial)

    def _write(self, status):
        self._facts["status"] = status
        self._facts["session"] = self._started
        seconds = sum(self._kept_seconds) + time.perf_counter() - self._began
        self._timings["seconds"] = round(seconds, 3)
        run_folder.write_facts(self.folder, self._facts)


def _now():
    now = datetime.datetime.now(datetime.UTC)
    return now.isoformat("T", "microseconds")


def _scalars(logs):
    """The logged values that are numbers."""
    found = {}
    for name, value in logs.items():
        try:
            found[name] = float(value)
        except (TypeError, ValueError):
            continue  # a metric may return an array
    return found


def _compared(fact):
    """A fact without what differs between equal runs: Keras' own names."""
    if isinstance(fact, list):
        return [_compared(part) for part in fact]
    if isinstance(fact, dict):
        differing = ("name", "parameters")  # unknown before the first batch
        return {k: _compared(v) for k, v in fact.items() if k not in differing}
    return fact


def _as_dict(value):
    if dataclasses.is_dataclass(value):
        return dataclasses.asdict(value)
    if hasattr(value, "_asdict"):
        return value._asdict()
    return value


def _mark_interrupted(folder, session):
    """Says in `run.json` that this session did not come to its end."""
    try:
        facts = run_folder.read_facts(folder)
    except ValueError:
        return
    if facts and facts["status"] == "running" and facts["session"] == session:
        run_folder.write_facts(folder, {**facts, "status": "interrupted"})
