"""SavedModels that are made once, and a cache of the test's own."""

import socket

import pytest

from tests.zoo import environment
from tests.zoo import saved_models


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """No test reads or writes the caches of the user."""
    environment.isolate(monkeypatch, tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """Makes a SavedModel by the name of its function; returns the path."""
    folder = tmp_path_factory.mktemp("saved_models")

    def path(name):
        path = folder / name
        if not path.exists():
            getattr(saved_models, name)(path)
        return str(path)

    return path


@pytest.fixture
def no_network(monkeypatch):
    """Any use of the network fails the test, however it is caught."""
    uses = []

    def forbidden(*arguments, **_):
        uses.append(arguments)
        raise AssertionError(f"the network was used: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", forbidden)
    monkeypatch.setattr(socket.socket, "connect_ex", forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    monkeypatch.setattr(socket, "create_connection", forbidden)
    yield
    assert not uses
