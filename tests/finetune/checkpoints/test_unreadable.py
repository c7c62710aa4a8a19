"""The sentence on a file that cannot be read."""

from keras_transfer.finetune.checkpoints.unreadable import unreadable


def test_it_names_the_file_and_no_folder():
    error = unreadable("/home/a/net.pt", "it is empty", "Save it again.")
    assert isinstance(error, ValueError)
    assert str(error) == (
        "The file 'net.pt' cannot be read: it is empty. Save it again."
    )


def test_the_hint_may_be_missing():
    assert str(unreadable("net.pt", "it is empty")).endswith(": it is empty.")
