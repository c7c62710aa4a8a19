"""Tiny archives in the layouts of the real ones.

Each function writes into a folder and returns what a reader must find there:
`{config: {split: [(x, label), ...]}}`, the config "" where there is none.
"""

import bz2
import io
import tarfile
import zipfile

import numpy as np
import scipy.io
from PIL import Image

_GENERATOR = np.random.default_rng(7)


def _image(shape=(10, 12, 3)):
    return _GENERATOR.integers(0, 256, shape, dtype="uint8")


def _png(image):
    file = io.BytesIO()
    Image.fromarray(np.squeeze(image)).save(file, "png")
    return file.getvalue()


def _write_tar(path, files, mode):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def _class_folders(prefix, labels, suffix="png"):
    """Files of class folders, and the rows that they are."""
    files, rows = {}, []
    for number, (label, name) in enumerate(labels):
        image = _image((8 + number, 9, 3))
        files[f"{prefix}{name}/{number:04d}.{suffix}"] = _png(image)
        rows.append((image, label))
    return files, rows


def usps(folder):
    rows = {}
    for split, name, count in (("train", "usps", 5), ("test", "usps.t", 3)):
        images = _image((count, 16, 16, 1))
        labels = _GENERATOR.integers(0, 10, count)
        lines = []
        for image, label in zip(images, labels, strict=True):
            values = image.ravel() / 127.5 - 1.0
            pixels = [f"{i + 1}:{v:.4f}" for i, v in enumerate(values)]
            lines.append(" ".join([str(label + 1), *pixels]))
        with bz2.open(folder / f"{name}.bz2", "wt") as file:
            file.write("\n".join(lines) + "\n")
        rows[split] = list(zip(images, labels.tolist(), strict=True))
    return {"": rows}


def mnist_m(folder):
    files, rows = {}, {}
    for split, count in (("train", 4), ("test", 2)):
        lines, rows[split] = [], []
        for number in range(count):
            image, label = _image((32, 32, 3)), (7 * number + count) % 10
            name = f"{number:08d}.png"
            files[f"mnist_m/mnist_m_{split}/{name}"] = _png(image)
            # A leftover of another system, as some archives have.
            files[f"mnist_m/mnist_m_{split}/._{name}"] = b"junk"
            lines.append(f"{name} {label}")
            rows[split].append((image, label))
        text = "\n".join([*lines, ""]).encode()
        files[f"mnist_m/mnist_m_{split}_labels.txt"] = text
    _write_tar(folder / "mnist_m.tar.gz", files, "w:gz")
    return {"": rows}


def office31(folder):
    files, rows = {}, {}
    for domain in ("amazon", "dslr", "webcam"):
        labels = [(0, "back_pack"), (0, "back_pack"), (30, "trash_can")]
        found, rows[domain] = _class_folders(
            f"domain_adaptation_images/{domain}/images/", labels, "jpg"
        )
        files.update(found)
    files["domain_adaptation_images/.DS_Store"] = b"junk"
    _write_tar(folder / "domain_adaptation_images.tar.gz", files, "w:gz")
    return {domain: {"train": part} for domain, part in rows.items()}


def office_home(folder):
    files, rows = {}, {}
    for config, name in (
        ("art", "Art"),
        ("clipart", "Clipart"),
        ("product", "Product"),
        ("real_world", "Real World"),
    ):
        labels = [(0, "Alarm_Clock"), (58, "TV"), (59, "Table")]
        found, rows[config] = _class_folders(
            f"OfficeHomeDataset_10072016/{name}/", labels, "jpg"
        )
        files.update(found)
    files["OfficeHomeDataset_10072016/ImageInfo.csv"] = b"junk"
    with zipfile.ZipFile(
        folder / "OfficeHomeDataset_10072016.zip", "w"
    ) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return {config: {"train": part} for config, part in rows.items()}


def visda(folder):
    rows = {}
    for domain in ("train", "validation"):
        # "train" is a class too.
        labels = [(0, "aeroplane"), (10, "train"), (11, "truck")]
        files, rows[domain] = _class_folders(f"{domain}/", labels)
        files[f"{domain}/image_list.txt"] = b"aeroplane/0000.png 0\n"
        _write_tar(folder / f"{domain}.tar", files, "w")
    return {domain: {"train": part} for domain, part in rows.items()}


def amazon_reviews(folder):
    rows = {}
    for domain in ("books", "dvd", "electronics", "kitchen"):
        rows[domain] = {}
        for split, count in (("train", 4), ("test", 3)):
            part, lines = [], []
            for number in range(count):
                counts, label = np.zeros(5000, "float32"), number % 2
                # The first column is never used: a guess would shift all.
                columns = np.sort(_GENERATOR.choice(4999, 6, False) + 1)
                counts[columns] = _GENERATOR.integers(1, 9, 6)
                words = [f"{c}:{counts[c]:.0f}" for c in columns]
                lines.append(" ".join([str(2 * label - 1), *words]))
                part.append((counts, label))
            path = folder / f"{domain}_{split}.svmlight"
            path.write_text("\n".join(lines) + "\n")
            rows[domain][split] = part
    return rows


def _office_caltech(folder, files, width, dtype):
    rows = {}
    for domain, name in files.items():
        features = _GENERATOR.integers(0, 200, (5, width)).astype(dtype)
        labels = np.array([1, 1, 4, 7, 10], "uint8")
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        # MATLAB's numbers are doubles, and its labels a column.
        arrays = {"fts": features.astype("float64"), "labels": labels[:, None]}
        scipy.io.savemat(path, arrays)
        part = list(zip(features, (labels - 1).tolist(), strict=True))
        rows[domain] = {"train": part}
    return rows


def office_caltech_surf(folder):
    files = {
        "amazon": "amazon_SURF_L10.mat",
        "caltech": "Caltech10_SURF_L10.mat",
        "dslr": "dslr_SURF_L10.mat",
        "webcam": "webcam_SURF_L10.mat",
    }
    return _office_caltech(folder, files, 800, "uint8")


def office_caltech_googlenet(folder):
    files = {
        "amazon": "GoogleNet1024/amazon.mat",
        "caltech": "GoogleNet1024/caltech10.mat",
        "dslr": "GoogleNet1024/dslr.mat",
        "webcam": "GoogleNet1024/webcam.mat",
    }
    return _office_caltech(folder, files, 1024, "float32")


#: By the name of the builder, without our prefix.
WRITERS = {
    function.__name__: function
    for function in (
        usps,
        mnist_m,
        office31,
        office_home,
        visda,
        amazon_reviews,
        office_caltech_surf,
        office_caltech_googlenet,
    )
}
