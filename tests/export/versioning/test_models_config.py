"""Configs of a server: nothing is lost that is not understood."""

import os

import pytest

from keras_transfer.export.versioning import models_config

OWN = """\
# Ours; ask Ada before changing.
model_config_list: {
  config: {
    name: 'flowers'  # the public name
    base_path: "/models/flowers",
    model_platform: "tensorflow"
    model_version_policy {
      specific {
        versions: 3  # since the audit
        versions: 4
      }
    }
    version_labels { key: "stable" value: 4 }  # blue
    version_labels { key: "canary" value: 3 }
    logging_config {
      log_collector_config { type: "x" }
      sampling_config < sampling_rate: 0.01 >
    }
  }
  config { name: "other" base_path: "/models/other" model_type: TENSORFLOW }
}
"""


def test_reading():
    flowers, other = models_config.read(OWN)
    assert flowers.name == "flowers"
    assert flowers.base_path == "/models/flowers"
    assert (flowers.policy, flowers.versions) == ("specific", (3, 4))
    assert flowers.labels == {"stable": 4, "canary": 3}
    assert flowers.loaded([1, 2, 3]) == [3, 4]
    assert (other.policy, other.versions) == ("latest", (1,))
    assert other.loaded([1, 12, 2]) == [12]
    assert models_config.read("") == []


@pytest.mark.parametrize(
    ("policy", "loaded"),
    [
        ("latest { }", [7]),
        ("latest { num_versions: 2 }", [5, 7]),
        ("latest { num_versions: 0 }", [7]),
        ("all { }", [1, 5, 7]),
        ("all: {}", [1, 5, 7]),
        ("specific { versions: [5, 1] }", [1, 5]),
        ("", [7]),
    ],
)
def test_policies(policy, loaded):
    text = OWN.replace(
        "model_type: TENSORFLOW", f"model_version_policy {{ {policy} }}"
    )
    assert models_config.read(text)[1].loaded([7, 1, 5]) == loaded


def test_an_edit_changes_versions_and_labels_alone():
    new = models_config.with_versions(
        OWN, "flowers", [5, 4], {"stable": 5, "previous": 4}
    )
    assert (
        new
        == """\
# Ours; ask Ada before changing.
model_config_list: {
  config: {
    name: 'flowers'  # the public name
    base_path: "/models/flowers",
    model_platform: "tensorflow"
    # blue
    logging_config {
      log_collector_config { type: "x" }
      sampling_config < sampling_rate: 0.01 >
    }
    # since the audit
    model_version_policy { specific { versions: 4 versions: 5 } }
    version_labels { key: "stable" value: 5 }
    version_labels { key: "previous" value: 4 }
  }
  config { name: "other" base_path: "/models/other" model_type: TENSORFLOW }
}
"""
    )
    flowers, other = models_config.read(new)
    assert flowers.labels == {"stable": 5, "previous": 4}
    again = models_config.with_versions(new, "flowers", [4, 5], flowers.labels)
    assert again == new


def test_an_edit_of_a_config_on_one_line():
    new = models_config.with_versions(OWN, "other", [2], {"stable": 2})
    assert new.startswith(OWN[: OWN.index(" }\n}\n")])
    assert new.endswith("""model_type: TENSORFLOW
    model_version_policy { specific { versions: 2 } }
    version_labels { key: "stable" value: 2 }
  }
}
""")
    one_line = "model_config_list{config{name:'a'base_path:'/a'}}"
    new = models_config.with_versions(one_line, "a", [1], {"stable": 1})
    (entry,) = models_config.read(new)
    assert (entry.versions, entry.labels) == ((1,), {"stable": 1})


def test_carriage_returns_stay():
    text = OWN.replace("\n", "\r\n")
    new = models_config.with_versions(text, "flowers", [4], {"stable": 4})
    assert "name: 'flowers'  # the public name\r\n" in new
    assert models_config.read(new)[0].labels == {"stable": 4}


def test_a_model_is_added_at_the_end():
    new = models_config.with_model(OWN, 'a "b"', "/m/c", [1], {"stable": 1})
    assert new.startswith(OWN[:-2])
    assert [entry.name for entry in models_config.read(new)] == [
        "flowers",
        "other",
        'a "b"',
    ]
    empty = models_config.with_model("# mine", "a", "/a", [1], {})
    assert empty.startswith("# mine\nmodel_config_list {\n  config {\n")
    more = models_config.with_model(empty, "b", "/b", [2], {})
    assert [e.versions for e in models_config.read(more)] == [(1,), (2,)]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("model_config_list", "model_configs", "Line 2: expected only model_"),
        ("model_config_list: {", "model_config_list: 3 #", "the name of a"),
        ("name: 'flowers'", "name: flowers", "with a name in quotes"),
        ("name: 'flowers'", "", "Line 3: expected a config with a name"),
        ("name: 'flowers'", "name: 'x' name: 'y'", "expected one name"),
        ("'flowers'", "'other'", "several models named 'other'"),
        ("versions: 3", "versions: three", "expected versions in specific"),
        ("versions: 3", "more: 3", "expected versions in specific"),
        ("specific {", "none {", "one of specific, latest, all"),
        ('key: "canary"', 'key: "canary" note: 1', "a key and a whole value"),
        ("value: 3", "value: x", "a key and a whole value"),
        ("version_labels {", "version_labels: 1 # ", "after version_labels"),
    ],
)
def test_what_is_not_understood_is_refused(old, new, complaint):
    with pytest.raises(ValueError, match=complaint):
        models_config.read(OWN.replace(old, new, 1))


def test_a_list_that_is_no_message_and_two_lists_are_refused():
    with pytest.raises(ValueError, match="after model_config_list"):
        models_config.read("model_config_list: 3")
    with pytest.raises(ValueError, match="Line 2: expected one model_config"):
        models_config.read("model_config_list {}\nmodel_config_list {}")


def test_loading_names_the_file(tmp_path):
    path = tmp_path / "models.config"
    path.write_text("custom_model_config { }")
    with pytest.raises(ValueError, match=f"{path} cannot be read. Line 1"):
        models_config.load(path)
    path.write_text(OWN)
    assert models_config.load(path)[0] == OWN


def test_replacing_keeps_links_and_permissions(tmp_path):
    real = tmp_path / "real.config"
    real.write_text(OWN)
    real.chmod(0o640)
    link = tmp_path / "models.config"
    link.symlink_to(real)
    models_config.replace(link, OWN, OWN + "# more\n")
    assert link.is_symlink()
    assert real.read_text() == OWN + "# more\n"
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["models.config", "real.config"]


def test_replacing_refuses_what_others_have_changed(tmp_path):
    path = tmp_path / "models.config"
    path.write_text(OWN + "# theirs\n")
    with pytest.raises(ValueError, match="changed by someone else"):
        models_config.replace(path, OWN, "")
    with pytest.raises(ValueError, match="changed by someone else"):
        models_config.replace(path, None, "")
    assert path.read_text() == OWN + "# theirs\n"


def test_replacing_refuses_what_could_not_be_read_again(tmp_path):
    path = tmp_path / "models.config"
    with pytest.raises(ValueError, match="expected only"):
        models_config.replace(path, None, "nonsense: 1")
    assert os.listdir(tmp_path) == []


def _entries(*paths):
    text = ""
    for number, path in enumerate(paths):
        text = models_config.with_model(text, f"m{number}", path, [1], {})
    return models_config.read(text)


def test_a_folder_finds_its_model(tmp_path):
    base = tmp_path / "flowers"
    base.mkdir()
    find = models_config.entry_for
    entries = _entries("/models/other", f"{base}/", "/models/flowers")
    assert find(base, "c", entries).name == "m1"
    assert find(base, "c", entries, model="m0").name == "m0"
    assert find(base, "c", _entries("/x/flowers", "/y/birds")).name == "m0"
    assert find(base, "c", _entries("/y/birds")) is None
    with pytest.raises(ValueError, match="one of 'm0', 'm1'"):
        find(base, "c", _entries("/x/flowers", "/y/flowers"))
    with pytest.raises(ValueError, match="`model`.*one of 'm0'"):
        find(base, "c", _entries("/x/flowers"), model="m9")


def test_the_server_s_own_schema_reads_the_same():
    proto = pytest.importorskip(
        "tensorflow_serving.config.model_server_config_pb2",
        reason="the extra `serving` is not installed",
    )
    text_format = pytest.importorskip("google.protobuf.text_format")
    new = models_config.with_versions(
        OWN, "flowers", [4, 5], {"stable": 5, "previous": 4}
    )
    new = models_config.with_model(new, "a", "/models/é", [1], {"stable": 1})
    config = text_format.Parse(new, proto.ModelServerConfig())
    flowers, other, added = config.model_config_list.config
    assert list(flowers.model_version_policy.specific.versions) == [4, 5]
    assert dict(flowers.version_labels) == {"stable": 5, "previous": 4}
    sampling = flowers.logging_config.sampling_config.sampling_rate
    assert sampling == pytest.approx(0.01)
    assert other.model_type
    assert added.base_path == "/models/é"
