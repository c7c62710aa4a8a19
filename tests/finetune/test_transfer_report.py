"""What is said about a transfer."""

from keras_transfer.finetune.transfer_report import Leftover
from keras_transfer.finetune.transfer_report import Transfer
from keras_transfer.finetune.transfer_report import TransferReport

MOVED = Transfer("a.weight", "a/kernel", (2, 3), "OI to IO")
BIAS = Transfer("a.bias", "a/bias", (3,), "")
LEFT = Leftover("fc.weight", (9, 3), "another size")
EMPTY = Leftover("head/kernel", (3, 5), "nothing goes there")


def test_the_table():
    report = TransferReport(
        "name", (MOVED, BIAS), (LEFT,), (EMPTY,), ("epsilon differs",)
    )
    assert str(report).splitlines() == [
        "2 weights transferred by name, 1 of the source left over, 1 of the "
        "target unchanged",
        "Transferred",
        "  a.weight  a/kernel  (2, 3)  OI to IO",
        "  a.bias    a/bias    (3,)",
        "Left over in the source",
        "  fc.weight  (9, 3)  another size",
        "Unchanged in the target",
        "  head/kernel  (3, 5)  nothing goes there",
        "Warnings",
        "  epsilon differs",
    ]


def test_parts_without_rows_are_left_out():
    report = TransferReport("shape and order", (BIAS,))
    assert str(report).splitlines() == [
        report.summary,
        "Transferred",
        "  a.bias  a/bias  (3,)",
    ]
    assert report.summary.startswith("1 weight transferred by shape and order")


def test_it_is_complete_if_nothing_stays_on_either_side():
    assert TransferReport("name", (MOVED,), warnings=("x",)).is_complete
    assert not TransferReport("name", (MOVED,), (LEFT,)).is_complete
    assert not TransferReport("name", (MOVED,), (), (EMPTY,)).is_complete
