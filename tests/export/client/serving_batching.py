"""Requests of several clients in one batch, as TF Serving does it."""

import dataclasses
import threading

import numpy as np


class Refusal(Exception):
    """An error status: the name of its code, and what the server says."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


@dataclasses.dataclass(frozen=True)
class Batching:
    """Settings, as in `batching_params.pbtxt`.

    Attributes:
        max_batch_size: Rows.
        timeouts: Seconds that the first request of a batch waits for others,
            for the first, second, ... batch; the last for all that follow.
        allowed_batch_sizes: Sizes that batches are padded to; the last is
            `max_batch_size`.
    """

    max_batch_size: int = 32
    timeouts: tuple = (0.05,)
    allowed_batch_sizes: tuple = ()


class Batcher:
    """Collects requests, runs them as one, and hands out the rows.

    Args:
        run: Takes and returns a dict of arrays.
        settings: A `Batching`.

    Attributes:
        batches: List of tuples: rows of each request of a batch, with the
            rows that were run at the end, padding included.
    """

    def __init__(self, run, settings):
        self._run = run
        self._settings = settings
        self._condition = threading.Condition()
        self._open = None
        self.batches = []

    def run(self, inputs):
        """The answer to one request."""
        sizes = {np.shape(value)[:1] for value in inputs.values()}
        if len(sizes) != 1 or () in sizes:
            raise Refusal(
                "INVALID_ARGUMENT",
                "Batching session Run() input tensors must have equal "
                "0th-dimension size",
            )
        ((rows,),) = sizes
        largest = self._settings.max_batch_size
        if rows > largest:
            raise Refusal(
                "INVALID_ARGUMENT",
                f"Task size {rows} is larger than maximum input batch size "
                f"{largest}",
            )
        batch, position = self._join(inputs, rows)
        if position == 0:
            self._lead(batch)
        batch.done.wait()
        if batch.error is not None:
            raise batch.error
        start = sum(batch.rows[:position])
        return {k: v[start : start + rows] for k, v in batch.outputs.items()}

    def _join(self, inputs, rows):
        with self._condition:
            largest = self._settings.max_batch_size
            if self._open is None or sum(self._open.rows) + rows > largest:
                self._open = _Batch()
                self._condition.notify_all()
            self._open.requests.append(inputs)
            self._open.rows.append(rows)
            if sum(self._open.rows) == largest:
                self._condition.notify_all()
            return self._open, len(self._open.rows) - 1

    def _lead(self, batch):
        """The first request of a batch closes and runs it."""
        with self._condition:
            self._condition.wait_for(
                lambda: (
                    self._open is not batch
                    or sum(batch.rows) >= self._settings.max_batch_size
                ),
                self._timeout(),
            )
            if self._open is batch:
                self._open = None
        try:
            batch.outputs = self._run_batch(batch)
        except Refusal as error:
            batch.error = error
        finally:
            batch.done.set()

    def _timeout(self):
        timeouts = self._settings.timeouts
        return timeouts[min(len(self.batches), len(timeouts) - 1)]

    def _run_batch(self, batch):
        rows = sum(batch.rows)
        sizes = self._settings.allowed_batch_sizes
        padded = min((s for s in sizes if s >= rows), default=rows)
        self.batches.append((*batch.rows, padded))
        merged = {}
        for name, first in batch.requests[0].items():
            parts = [request[name] for request in batch.requests]
            if any(part.shape[1:] != first.shape[1:] for part in parts):
                raise Refusal(
                    "FAILED_PRECONDITION",
                    f"Tensors with name '{name}' from different tasks have "
                    "different shapes and padding is turned off.",
                )
            # The real server, too, pads with a row of the last request.
            parts += [parts[-1][:1]] * (padded - rows)
            merged[name] = np.concatenate(parts)
        outputs = self._run(merged)
        for value in outputs.values():
            if np.shape(value)[:1] != (padded,):
                raise Refusal(
                    "FAILED_PRECONDITION",
                    "Batched output tensor's 0th dimension does not equal the "
                    "sum of the 0th dimension sizes of the input tensors",
                )
        return outputs


class _Batch:
    def __init__(self):
        self.requests, self.rows = [], []
        self.done = threading.Event()
        self.outputs = self.error = None
