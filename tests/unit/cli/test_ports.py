"""Whether a port can be listened at."""

import socket

import pytest

from cli import ports
from tests.unit.cli.conftest import Run


@pytest.fixture
def taken():
    """A port that somebody listens at."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_port_that_is_taken_is_named_and_the_way_out(taken: int, host: str) -> None:
    with pytest.raises(ports.PortError, match=f"^port {taken} is taken; choose another with --port$"):
        ports.must_be_free(host, taken)


def test_a_free_port_is_left_free() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ports.must_be_free("127.0.0.1", port)
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_an_address_of_others_is_named(host: str) -> None:
    with pytest.raises(ports.PortError, match=f"cannot listen at {host}, port 8000: .*--host"):
        ports.must_be_free(host, 8000)


@pytest.mark.parametrize("words", [("serve",), ("demo",), ("control",)])
def test_servers_say_it_before_anything_else(firesteel: Run, taken: int, words: tuple[str, ...]) -> None:
    done = firesteel(*words, "--port", taken)
    assert done.code == 1
    assert done.out == ""
    assert done.err == f"PortError: port {taken} is taken; choose another with --port\n"
