"""Where models of digits look, before and after adaptation.

    python benchmarks/attribution.py --seeds 3 --out F.json

The target's test images of `data.digits_on_photos` are digits over
photographs, and the ink of each digit is known. A network is trained as by
`keras-transfer quickstart`, on the source alone and with DANN, and for each
kind of map the share that lies on the digit is taken, a mean over one image of
every test digit:

- `share`: `explain.attribution_share`, digit is where there is half the ink or
  more; `share_any_ink` where there is any;
- `share_of_others`: the same map, on the digit of another image. Digits and
  maps alike are in the middle, so that this, and not the area, is what a map
  that knows nothing of the image would reach.

`area` and `area_any_ink` are the digit's shares of the image. Maps are of the
true class; `grad_cam, predicted` is of the predicted one. `untrained` is the
same network with random weights. Class activation maps without a size are of
the layer that is taken by itself, which has 5x5 places; that it has to have 4x4
or more was decided when the maps of the last one, 3x3, had been seen here.
"""

import argparse
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import digits
import keras
import numpy as np
from tqdm import tqdm

import keras_transfer as kt
from keras_transfer.cli import quickstart
from keras_transfer.explain import explained_model
from keras_transfer.explain import spatial_layer

HALF_INK = 128
METHODS = ("source_only", "dann")


def trained(method, domains, seed):
    """The plain network after quickstart's training."""
    keras.utils.set_random_seed(seed)
    trainer = kt.DomainAdaptation(
        quickstart.digit_model(),
        alignment=quickstart.terms()[method],
        features="features",
        batch_norm="separate",
    )
    trainer.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    pairs = kt.data.pair_domains(
        domains.source,
        domains.target,
        batch_size=quickstart.BATCH_SIZE,
        seed=seed,
        steps_per_epoch=quickstart.STEPS_PER_EPOCH,
    )
    trainer.fit(pairs, epochs=quickstart.EPOCHS, verbose=0)
    return trainer.model


def kinds(model, images):
    """Dict from the name of a kind of map to what makes it."""
    explain = kt.explain
    found = {
        "grad_cam": explain.grad_cam,
        "grad_cam, predicted": lambda m, x, y: explain.grad_cam(m, x),
        "grad_cam_plus_plus": explain.grad_cam_plus_plus,
        "score_cam": lambda m, x, y: explain.score_cam(m, x, y, verbose=0),
        "saliency": explain.saliency,
        "smooth_grad": explain.smooth_grad,
        "integrated_gradients": lambda m, x, y: np.abs(
            explain.integrated_gradients(m, x, y)
        ).sum(axis=-1),
    }
    seen = explained_model.ExplainedModel(model, images.astype("float32"))
    for entry in spatial_layer.spatial_layers(seen):
        if isinstance(entry.layer, keras.layers.ReLU):
            height, width, _ = entry.outputs.shape[1:]
            for name in ("grad_cam", "grad_cam_plus_plus"):
                make, layer = getattr(explain, name), entry.path
                found[f"{name}, {height}x{width}"] = (
                    lambda m, x, y, make=make, layer=layer: make(
                        m, x, y, layer=layer
                    )
                )
    return found


def shares(maps, ink):
    """Means over the images; all-zero maps are counted and left out."""
    digit = ink >= HALF_INK
    others = np.roll(digit, len(digit) // 2, axis=0)
    share = kt.explain.attribution_share
    return {
        "share": float(np.nanmean(share(maps, digit))),
        "share_any_ink": float(np.nanmean(share(maps, ink > 0))),
        "share_of_others": float(np.nanmean(share(maps, others))),
        "zero_maps": int((maps.max(axis=(1, 2)) == 0).sum()),
    }


def measure(method, model, images, labels, ink, seed):
    logits = model.predict(images, verbose=0)
    accuracy = float((logits.argmax(axis=1) == labels).mean())
    records = []
    for kind, make in kinds(model, images).items():
        began = time.perf_counter()
        maps = make(model, images, labels)
        records.append(
            {
                "method": method,
                "seed": seed,
                "map": kind,
                "target_accuracy": accuracy,
                **shares(maps, ink),
                "seconds": round(time.perf_counter() - began, 2),
            }
        )
    return records


def run(seed, every):
    domains = kt.data.digits_on_photos(seed)
    images, labels = (array[::every] for array in domains.target_test)
    ink = domains.target_test_digits[::every]
    keras.utils.set_random_seed(seed)
    models = {"untrained": quickstart.digit_model()}
    models |= {method: trained(method, domains, seed) for method in METHODS}
    records = [
        record
        for method, model in tqdm(models.items(), f"seed {seed}")
        for record in measure(method, model, images, labels, ink, seed)
    ]
    area = {
        "seed": seed,
        "images": len(images),
        "area": float((ink >= HALF_INK).mean()),
        "area_any_ink": float((ink > 0).mean()),
    }
    return records, area


def table(records):
    """Mean and spread over the seeds, for each map and method."""
    rows = []
    for kind in dict.fromkeys(record["map"] for record in records):
        row = {"map": kind}
        for method in dict.fromkeys(record["method"] for record in records):
            for key in ("share", "share_of_others"):
                values = [
                    record[key]
                    for record in records
                    if (record["map"], record["method"]) == (kind, method)
                ]
                row[f"{method} {key}"] = [
                    round(float(np.mean(values)), 4),
                    round(float(np.std(values)), 4),
                ]
        rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--every", type=int, default=4, help="take every n-th test image"
    )
    parser.add_argument("--out", type=pathlib.Path, help="JSON file")
    arguments = parser.parse_args()
    records, areas = [], []
    for seed in range(arguments.seeds):
        found, area = run(seed, arguments.every)
        records += found
        areas.append(area)
    rows = table(records)
    for row in rows:
        print(row)
    if arguments.out:
        digits.write(arguments.out, records, areas=areas, table=rows)


if __name__ == "__main__":
    main()
