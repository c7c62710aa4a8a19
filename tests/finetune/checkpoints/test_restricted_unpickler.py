"""Pickles are read, and nothing that they name is run or imported."""

import io
import pickle
import pickletools
import sys

import pytest

from keras_transfer.finetune.checkpoints import restricted_unpickler
from keras_transfer.finetune.checkpoints.tensor_record import StorageRecord
from keras_transfer.finetune.checkpoints.tensor_record import TensorRecord
from tests.finetune.checkpoints import torch_bytes
from tests.finetune.checkpoints.torch_bytes import Call
from tests.finetune.checkpoints.torch_bytes import Global
from tests.finetune.checkpoints.torch_bytes import Saved

BLOCK = torch_bytes.storage("3", "float16", 4)


def _load(value):
    return _loads(torch_bytes.pickled(value))


def _loads(content):
    return restricted_unpickler.load(io.BytesIO(content))


def test_the_writer_of_the_tests_writes_pickles():
    plain = {"a": (1, True, None, 2**70, -5), "b": ["text"]}
    content = torch_bytes.pickled(plain)
    pickletools.dis(content, io.StringIO())
    assert pickle.loads(content) == plain


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_plain_values(protocol):
    value = {"epoch": 3, "loss": 0.5, "names": ["a", ("b", None)], "on": True}
    if protocol == 0:
        # Of the first protocol, whose names would be read line by line.
        value = {"epoch": 3, "loss": 0.5}
    assert _loads(pickle.dumps(value, protocol)) == value


def test_a_tensor():
    found = _load(torch_bytes.tensor(BLOCK, (2, 1), offset=2))
    assert isinstance(found, TensorRecord)
    assert (found.offset, found.shape, found.strides) == (2, (2, 1), (1, 1))
    assert isinstance(found.storage, StorageRecord)
    assert found.storage.key == "3"
    assert (found.storage.dtype, found.storage.count) == ("float16", 4)


def test_a_parameter_is_its_tensor():
    found = _load(torch_bytes.tensor(BLOCK, (4,), parameter=True))
    assert isinstance(found, TensorRecord) and found.shape == (4,)


def test_a_tensor_with_a_type_of_its_own():
    block = Saved(
        ("storage", Global("torch.storage", "UntypedStorage"), "0", "cpu", 8)
    )
    found = _load(
        Call(
            Global("torch._utils", "_rebuild_tensor_v3"),
            (block, 0, (2,), (1,), False, None, Global("torch", "uint32")),
        )
    )
    assert (found.dtype, found.storage.dtype) == ("uint32", "uint8")


def test_ordered_dicts_keep_their_order_and_lose_their_versions():
    found = _load(torch_bytes.ordered({"b": 1, "a": 2}))
    assert isinstance(found, dict) and list(found) == ["b", "a"]
    assert not found.__dict__


def test_storages_of_graphics_cards_and_old_views():
    block = torch_bytes.storage(
        "0", "float32", 9, "torch.cuda", (("view", 2, 4),)
    )
    found = _load(torch_bytes.tensor(block, (4,))).storage
    assert (found.start, found.count) == (2, 4)


def test_data_types_of_storages_are_noted():
    dtypes = {}
    stream = io.BytesIO(torch_bytes.pickled([BLOCK]))
    restricted_unpickler.load(stream, dtypes)
    assert dtypes == {"3": "float16"}


def test_several_pickles_follow_each_other():
    stream = io.BytesIO(b"".join(torch_bytes.pickled(x) for x in (1, "b")))
    assert restricted_unpickler.load(stream) == 1
    assert restricted_unpickler.load(stream) == "b"
    assert stream.read() == b""


@pytest.mark.parametrize(
    "name",
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("torch.hub", "load"),
        ("torchvision.models.resnet", "ResNet"),
        ("torch._utils", "_rebuild_qtensor"),
        ("collections", "OrderedDict.fromkeys"),
    ],
    ids=".".join,
)
def test_unknown_names(name):
    expected = f"it names '{'.'.join(name)}'"
    with pytest.raises(pickle.UnpicklingError, match=expected):
        _load(Call(Global(*name), ("echo",)))


def test_unknown_names_are_not_imported(tmp_path, monkeypatch):
    (tmp_path / "harmful_module.py").write_text("raise SystemExit('run')")
    monkeypatch.syspath_prepend(tmp_path)
    for content in (
        torch_bytes.pickled(Global("harmful_module", "f")),
        b"\x80\x04\x8c\x0eharmful_module\x8c\x01f\x93.",
    ):
        with pytest.raises(pickle.UnpicklingError, match="harmful_module.f"):
            _loads(content)
    assert "harmful_module" not in sys.modules


@pytest.mark.parametrize(
    "content",
    [b"(ios\nsystem\n.", b"(cos\nsystem\no.", b"\x80\x02\x82\x01.", b"Pa\n."],
    ids=["INST", "OBJ", "EXT1", "PERSID"],
)
def test_other_ways_to_make_objects(content, request):
    opcode = request.node.callspec.id
    with pytest.raises(pickle.UnpicklingError, match=f"holds a {opcode},"):
        _loads(content)


@pytest.mark.parametrize("kind", ["dict", "OrderedDict"])
def test_no_class_is_known(kind):
    # NEWOBJ, which makes an object of a class, as of a whole network.
    module = {"dict": "torch.nn", "OrderedDict": "collections"}[kind]
    said = {"dict": "names 'torch.nn.dict'", "OrderedDict": "class"}[kind]
    content = f"\x80\x02c{module}\n{kind}\n)\x81.".encode("latin1")
    with pytest.raises(pickle.UnpicklingError, match=said):
        _loads(content)


def test_newer_ways_are_refused_too():
    content = pickle.dumps(bytearray(b"123"), 5)
    with pytest.raises(pickle.UnpicklingError, match="BYTEARRAY8"):
        _loads(content)


@pytest.mark.parametrize(
    "made",
    [
        Global("torch._utils", "_rebuild_tensor_v2"),
        Global("torch", "FloatStorage"),
        torch_bytes.tensor(BLOCK, (4,)),
        BLOCK,
    ],
    ids=["function", "name", "tensor", "storage"],
)
def test_nothing_is_changed_after_it_was_made(made):
    states = ({"dtype": "x", "_note": "y"}, (None, {"_note": "y"}))
    for state in states:
        # BUILD sets attributes, if it is let.
        body = torch_bytes.pickled(made)[:-1]
        name = torch_bytes.pickled(state).replace(b"\x80\x02", b"")[:-1]
        with pytest.raises(pickle.UnpicklingError, match="changes an object"):
            _loads(body + name + b"b.")


def test_numbers_of_objects_cannot_ask_for_all_memory():
    with pytest.raises(pickle.UnpicklingError, match="numbers objects"):
        _loads(b"\x80\x02Nr\xff\xff\xff\x7f.")


@pytest.mark.parametrize(
    "saved_id",
    [
        ("module", Global("torch", "FloatStorage"), "net.py", "class Net"),
        ("storage", 1, "0", "cpu", 4),
        ("storage", Global("torch", "FloatStorage"), "0", "cpu", -4),
        ("storage", Global("torch", "FloatStorage"), "0", "cpu"),
        (),
    ],
    ids=["module", "no type", "count", "short", "empty"],
)
def test_storages_that_cannot_be(saved_id):
    with pytest.raises(pickle.UnpicklingError):
        _load(Saved(saved_id))


def test_negated_tensors_are_refused():
    function = Global("torch._utils", "_rebuild_tensor_v2")
    arguments = (BLOCK, 0, (2,), (1,), False, None, {"neg": True})
    with pytest.raises(pickle.UnpicklingError, match="resolve_neg"):
        _load(Call(function, arguments))


def test_every_truncation_is_an_error():
    content = torch_bytes.pickled(
        torch_bytes.ordered({"a": torch_bytes.tensor(BLOCK, (4,)), "b": 1})
    )
    assert _loads(content)["b"] == 1
    for length in range(len(content)):
        with pytest.raises(pickle.UnpicklingError):
            _loads(content[:length])


def test_damage_gives_this_error_or_none(generator):
    content = torch_bytes.pickled(
        torch_bytes.ordered({"a": torch_bytes.tensor(BLOCK, (4,)), "b": 1})
    )
    failures = 0
    for _ in range(1000):
        damaged = bytearray(content)
        for place in generator.integers(0, len(content), 2):
            damaged[place] = generator.integers(0, 256)
        try:
            _loads(bytes(damaged))
        except pickle.UnpicklingError:
            failures += 1
    assert 100 < failures < 1000
