"""Whether a server is there is known in a bounded time."""

import socket
import time

from experiments.tracking.server import answers, without_credentials


def test_a_server_that_answers_anything_is_there(server):
    assert answers(server.url)
    assert answers(f"{server.url}/no/such/page")


def test_a_closed_port_is_known_at_once():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert not answers(f"http://127.0.0.1:{port}")


def test_a_server_that_accepts_and_says_nothing_costs_the_limit():
    with socket.create_server(("127.0.0.1", 0)) as hole:
        begun = time.monotonic()
        assert not answers(f"http://127.0.0.1:{hole.getsockname()[1]}", seconds=0.3)
        assert time.monotonic() - begun < 3


def test_messages_hold_no_password():
    assert without_credentials("https://me:secret@wandb.example:8443/api") == (
        "https://wandb.example:8443/api"
    )
