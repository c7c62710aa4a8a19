"""Handles: what they name, and where they are downloaded from."""

import pathlib
import warnings

import pytest

from keras_transfer.zoo import handles

SHA256 = "0123456789abcdef" * 4

GOOGLE = "https://tfhub.dev/google"
CATALOGUE = [
    f"{GOOGLE}/imagenet/{name}/feature_vector/{version}"
    for name, version in {
        "mobilenet_v2_100_224": 5,
        "mobilenet_v3_small_100_224": 5,
        "mobilenet_v3_large_100_224": 5,
        "efficientnet_v2_imagenet1k_b0": 2,
        "efficientnet_v2_imagenet1k_b3": 2,
        "resnet_v1_50": 5,
        "resnet_v2_50": 5,
        "resnet_v2_152": 5,
        "inception_v3": 5,
    }.items()
] + [
    f"{GOOGLE}/bit/s-r50x1/1",
    f"{GOOGLE}/bit/m-r50x1/1",
    f"{GOOGLE}/universal-sentence-encoder/4",
    f"{GOOGLE}/universal-sentence-encoder-large/5",
    f"{GOOGLE}/nnlm-en-dim50/2",
    f"{GOOGLE}/nnlm-en-dim128/2",
    "https://tfhub.dev/tensorflow/small_bert/bert_en_uncased_L-4_H-512_A-8/2",
    "https://tfhub.dev/tensorflow/bert_en_uncased_preprocess/3",
    f"{GOOGLE}/yamnet/1",
    f"{GOOGLE}/nonsemantic-speech-benchmark/trillsson1/1",
    "https://tfhub.dev/tensorflow/movinet/a0/base/kinetics-600/"
    "classification/3",
]
KAGGLE_MODEL = "https://www.kaggle.com/models/google/mobilenet-v2"
KAGGLE_PAGES = [
    f"{KAGGLE_MODEL}/frameworks/TensorFlow2/variations/100-224-feature-vector"
    "/versions/2",
    f"{KAGGLE_MODEL}/TensorFlow2/100-224-feature-vector/2",
    f"{KAGGLE_MODEL}/tensorFlow2/100-224-feature-vector",
]


def _kind(handle):
    return handles.parse(handle).kind


# === parse


@pytest.mark.parametrize("handle", [*CATALOGUE, *KAGGLE_PAGES])
def test_addresses_of_the_catalogue_are_http(handle):
    assert handles.parse(handle) == handles.Handle(handle, "http", None)


@pytest.mark.parametrize(
    ("handle", "kind"),
    [
        ("http://host/model.tar.gz", "http"),
        ("gs://bucket/folder", "remote_folder"),
        ("gs://bucket/folder/1/", "remote_folder"),
        ("ram://folder", "remote_folder"),
        ("gs://bucket/model.tar.gz", "gs_archive"),
        ("gs://bucket/model.tgz", "gs_archive"),
        ("gs://bucket/model.tar", "gs_archive"),
        ("google/yamnet/tensorFlow2/yamnet", "kaggle"),
        ("google/yamnet/tensorFlow2/yamnet/1", "kaggle"),
        ("google/mobilenet-v2/TensorFlow2/100-224.b_1/12", "kaggle"),
    ],
)
def test_kinds_of_places_elsewhere(handle, kind):
    assert handles.parse(handle) == handles.Handle(handle, kind, None)


def test_kaggle_handles_are_those_of_kagglehub():
    kagglehub_handle = pytest.importorskip("kagglehub.handle")
    for handle in ("a/b/c/d", "a/b/c/d/7"):
        assert _kind(handle) == "kaggle"
        assert str(kagglehub_handle.parse_model_handle(handle)) == handle
    for handle in ("a/b/c", "a/b/c/d/e", "a/b/c/d/1/2"):
        with pytest.raises(ValueError, match="argument `handle`"):
            handles.parse(handle)
        with pytest.raises(ValueError, match="Invalid"):
            kagglehub_handle.parse_model_handle(handle)


def test_local_paths(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "looks.tar.gz").mkdir()
    for suffix in ("tar", "tar.gz", "tgz", "TAR.GZ"):
        (tmp_path / f"a.{suffix}").touch()
        assert _kind(tmp_path / f"a.{suffix}") == "archive"
    assert _kind(str(tmp_path / "model")) == "folder"
    assert _kind(tmp_path / "looks.tar.gz") == "folder"
    found = handles.parse(f"file://{tmp_path}/a.tgz")
    assert found == handles.Handle(f"{tmp_path}/a.tgz", "archive")
    monkeypatch.setenv("HOME", str(tmp_path))
    found = handles.parse("~/model")
    assert found == handles.Handle(str(tmp_path / "model"), "folder")
    assert handles.parse(found) is found


def test_an_existing_path_wins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = f"model#sha256={SHA256}"
    for path in ("google/yamnet/tensorFlow2/yamnet", "gs:/bucket/m", name):
        pathlib.Path(path).mkdir(parents=True)
    assert _kind("google/yamnet/tensorFlow2/yamnet") == "folder"
    assert _kind("google/yamnet/tensorFlow2/yamnet/1") == "kaggle"
    assert _kind("gs://bucket/m") == "folder"
    assert handles.parse(name) == handles.Handle(name, "folder", None)


def test_a_checksum_is_taken_off(tmp_path):
    pin = f"#sha256={SHA256.upper()}"
    url = "https://host/model.tar.gz?token=1"
    assert handles.parse(url + pin) == handles.Handle(url, "http", SHA256)
    path = tmp_path / "a.tar.gz"
    path.touch()
    found = handles.parse(f"{path}{pin}")
    assert found == handles.Handle(str(path), "archive", SHA256)
    found = handles.parse(f"a/b/c/d{pin}")
    assert found == handles.Handle("a/b/c/d", "kaggle", SHA256)


@pytest.mark.parametrize(
    "fragment", ["", "sha256=", "sha256=abc", f"sha1={SHA256}", f"{SHA256}00"]
)
def test_other_fragments_are_refused(fragment):
    with pytest.raises(ValueError, match="is no checksum"):
        handles.parse(f"https://tfhub.dev/google/yamnet/1#{fragment}")


@pytest.mark.parametrize(
    "handle",
    [
        "",
        "mobilenet",
        "a/b/c",
        "a//b/c/d",
        "a/b/c/d/latest",
        "a/b/c/d/0",
        "../b/c/d",
        "http://",
        "https:///path",
        "ftp://host/model.tar.gz",
        "htps://host/model",
        "gs://",
        "https://host/a b",
        f"https://host/a\nSHA256: {SHA256}",
        b"https://host/a",
        None,
        3,
    ],
)
def test_anything_else_is_refused_with_the_accepted_forms(handle):
    with pytest.raises(ValueError, match="argument `handle`") as caught:
        handles.parse(handle)
    message = str(caught.value)
    assert "(1) the path" in message and "(5) a Kaggle handle" in message
    assert f"Received: handle={handle!r}" in message


def test_what_is_missing_or_no_folder_is_said(tmp_path):
    for path in (tmp_path / "missing", "missing.tar.gz", "./a/b/c/d"):
        with pytest.raises(ValueError, match="no such file or folder"):
            handles.parse(path)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(ValueError, match="give the folder"):
        handles.parse(tmp_path / "saved_model.pb")


def test_what_has_a_checksum():
    assert handles.parse("https://host/m").has_archive
    assert handles.parse("gs://bucket/m.tgz").has_archive
    assert not handles.parse("gs://bucket/m").has_archive
    assert not handles.parse("a/b/c/d").has_archive


# === download_url


@pytest.fixture(scope="module")
def of_tensorflow_hub():
    """The URL that tensorflow_hub itself opens for a handle."""
    with warnings.catch_warnings():
        # It imports pkg_resources, which warns.
        warnings.simplefilter("ignore")
        from tensorflow_hub import compressed_module_resolver as resolver
    return resolver.HttpCompressedFileResolver()._append_compressed_format_query


@pytest.mark.parametrize(
    "handle",
    [
        *CATALOGUE,
        *KAGGLE_PAGES,
        "http://host:8080/a/b?x=1&y=a%20b",
        "https://host/a;b/c?x=%C3%BC",
        "https://host/a/",
        "https://host",
    ],
)
def test_urls_are_those_of_tensorflow_hub(handle, of_tensorflow_hub):
    url = handles.download_url(handle)
    assert url == of_tensorflow_hub(handle)
    assert url.endswith("tf-hub-format=compressed")
    assert handles.download_url(f"{handle}#sha256={SHA256}") == url


@pytest.mark.parametrize("suffix", handles.ARCHIVES)
def test_urls_of_archives_stay_as_they_are(suffix):
    url = f"https://host/a%2Fb{suffix}?X-Signature=a+b%2f&empty="
    assert handles.download_url(url) == url
    assert handles.download_url(f"{url}#sha256={SHA256}") == url


def test_empty_parameters_are_kept():
    url = handles.download_url("https://host/m?key=&x=1")
    assert url == "https://host/m?key=&x=1&tf-hub-format=compressed"


def test_the_mirror_in_china_is_asked_as_tensorflow_hub_asks_it():
    url = handles.download_url("https://hub.tensorflow.google.cn/a/b/1")
    assert url == (
        "https://gcs.tensorflow.google.cn/tfhub-modules/a/b/1.tar.gz"
    )


@pytest.mark.parametrize(
    ("mirror", "base"),
    [
        ("http://mirror", "http://mirror"),
        ("https://mirror:8443/", "https://mirror:8443"),
        ("https://u:p@mirror/hub/x/", "https://u:p@mirror/hub/x"),
    ],
)
def test_a_mirror_replaces_scheme_and_host(mirror, base):
    url = handles.download_url(CATALOGUE[0], mirror)
    path = CATALOGUE[0].removeprefix("https://tfhub.dev")
    assert url == f"{base}{path}?tf-hub-format=compressed"
    url = handles.download_url("http://host:80/m.tgz?sig=a+b", mirror)
    assert url == f"{base}/m.tgz?sig=a+b"
    # A bucket is no host that a mirror could replace.
    url = "gs://bucket/m.tar"
    assert handles.download_url(url, mirror) == url


@pytest.mark.parametrize(
    "mirror", ["mirror.org", "ftp://a", "http://", "http://a?b=1", "http://a#b"]
)
def test_other_mirrors_are_refused(mirror):
    with pytest.raises(ValueError, match="argument `mirror`"):
        handles.download_url(CATALOGUE[0], mirror)


def test_what_has_no_url_is_refused(tmp_path):
    for handle in (tmp_path, "gs://bucket/folder", "a/b/c/d"):
        with pytest.raises(ValueError, match="a URL of an archive"):
            handles.download_url(handle)
