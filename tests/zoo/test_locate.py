"""From what a user writes to a folder, a handle that lasts, and a card."""

import dataclasses
import hashlib

import pytest

from keras_transfer import zoo
from keras_transfer.zoo import locate
from keras_transfer.zoo import registry
from keras_transfer.zoo import resolution


@pytest.fixture
def asked(monkeypatch):
    """Which handles are resolved, without a network."""
    handles = []

    def resolve(handle, **options):
        handles.append(handle)
        return f"folder_{len(handles)}"

    monkeypatch.setattr(resolution, "resolve", resolve)
    return handles


def test_a_name_becomes_the_handle_of_its_card(asked):
    card = zoo.find_card("mobilenet_v2_100_224")
    located = locate.locate("mobilenet_v2_100_224")
    assert located == (card.handle, "folder_1", card)
    assert asked == [card.handle]


def test_a_checksum_on_the_card_is_a_pin(asked, monkeypatch):
    sha256 = hashlib.sha256(b"").hexdigest()
    card = zoo.find_card("mobilenet_v2_100_224")
    pinned = dataclasses.replace(card, sha256=sha256)
    monkeypatch.setattr(registry, "card_for", lambda handle: pinned)
    located = locate.locate(card.name)
    assert located.handle == f"{card.handle}#sha256={sha256}" == asked[0]


def test_handles_stay_what_the_user_wrote(asked):
    card = zoo.find_card("mobilenet_v2_100_224")
    (mirror, *_) = card.mirrors
    assert locate.locate(mirror) == (mirror, "folder_1", card)
    other = "https://example.com/model.tar.gz"
    assert locate.locate(other) == (other, "folder_2", None)


def test_what_is_shipped_is_found_by_its_name(asked):
    located = locate.locate("omniglot_conv4")
    assert located.handle == "omniglot_conv4" and not asked
    assert located.card.source == "shipped"


def test_keras_models_are_no_saved_models(asked):
    with pytest.raises(ValueError, match="zoo.load"):
        zoo.HubBackbone("keras_applications/mobilenet_v2")
    assert not asked
