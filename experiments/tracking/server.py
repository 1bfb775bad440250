"""Whether the W&B server answers, found out in a bounded time."""

import contextlib
import threading
import urllib.error
import urllib.parse
import urllib.request

ANSWER_S = 1.5
"""A server that has not answered by then counts as unreachable."""


def answers(url: str, seconds: float = ANSWER_S) -> bool:
    """Return whether an HTTP server answers at ``url`` within ``seconds``, whatever it says.

    The question runs in a thread of its own, since looking up a name has no time limit.
    """
    answered = threading.Event()

    def ask() -> None:
        # a server that is up, or even one that refuses us, says something; a dead one does not
        with contextlib.suppress(Exception):
            try:
                with urllib.request.urlopen(url, timeout=seconds):
                    answered.set()
            except urllib.error.HTTPError as error:
                error.close()
                if error.code not in (502, 503, 504):  # a proxy says so of a server that is gone
                    answered.set()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answered.is_set()


def without_credentials(url: str) -> str:
    """Return the URL without user name and password, for messages."""
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or ""
    place = f"{host}:{parts.port}" if parts.port else host
    return urllib.parse.urlunsplit((parts.scheme, place, parts.path, "", ""))
