"""Whether a client still waits."""

import socket
import time

import pytest

from app.api.abandonment import is_abandoned


def test_a_client_that_hangs_up() -> None:
    here, there = socket.socketpair()
    with here, there:
        ask = is_abandoned({"gunicorn.socket": here})
        assert not ask()
        there.sendall(b"GET / HTTP/1.1")  # the next request, on the same connection
        assert not ask()
        there.close()
        assert ask()
        here.close()
        assert ask()


def test_a_connection_of_the_network() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        connection, _ = listener.accept()
        with connection:
            ask = is_abandoned({"gunicorn.socket": connection})
            assert not ask()
            client.close()
            ends = time.monotonic() + 10
            while not ask():
                assert time.monotonic() < ends


@pytest.mark.parametrize("environment", [{}, {"gunicorn.socket": None}])
def test_without_a_socket_everybody_waits(environment: dict[str, object]) -> None:
    assert not is_abandoned(environment)()
