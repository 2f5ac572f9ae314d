"""Inserts of URLs that say nothing, by clients that hang up, at a running server."""

import json
import socket
from collections.abc import Callable
from contextlib import ExitStack

import requests

from tests.service import PHOTOS
from tests.serving.conftest import Server
from tests.silent_host import silent_host


def test_others_are_served_and_nothing_goes_on_when_the_clients_are_gone(
    new_server: Callable[..., Server],
) -> None:
    server = new_server(LOOKALIKE_THREADS="4", LOOKALIKE_ACCOUNT_CALLS="2")
    with silent_host() as silent, ExitStack() as clients:
        body = json.dumps({"records": [{"_url": silent.url(n)} for n in range(2000)]}).encode()
        lines = [
            f"POST {PHOTOS}insert HTTP/1.1",
            "Host: 127.0.0.1",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in server.headers.items()),
        ]
        inserting = []
        for _ in range(2):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            client.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            inserting.append(client)
        silent.wait_for(open=12, accepted=12)
        # As many calls embed as may: one more is told so, and what embeds nothing is answered.
        one = {"records": [{"_url": silent.url(0)}]}
        refused = requests.post(server.url + PHOTOS + "insert", json=one, headers=server.headers, timeout=60)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
        assert requests.get(server.url + PHOTOS + "ping", timeout=60).ok
        assert server.post("getRecordCount")["answer_count"] == 0
        for client in inserting:
            client.close()
        silent.wait_for(open=0)
        # What the first one leaves the other may take until its end is noticed as well.
        assert silent.accepted <= 24
