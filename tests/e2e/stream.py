"""The gateway's stream of hints for the pages of browser tests: a real one, and quiet."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# How soon a reader who has left is noticed.
_TICK_SECONDS = 0.5


class _Line:
    """What one page has still to be told. Its newest reader hears it."""

    def __init__(self) -> None:
        self.due: deque[str] = deque()
        self.readers = 0


class HintServer(ThreadingHTTPServer):
    """Server-sent events at ``/<line>``; :meth:`tell` says something on a line."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Reader)
        self.news = threading.Condition()
        self.lines: defaultdict[str, _Line] = defaultdict(_Line)
        self.is_closing = False

    def tell(self, line: str, hint: dict[str, Any]) -> None:
        with self.news:
            self.lines[line].due.append(json.dumps(hint))
            self.news.notify_all()

    def hear(self, line: str) -> Iterator[str]:
        """What is due on ``line``, an empty text now and then, until somebody else hears."""
        with self.news:
            mine = self.lines[line]
            mine.readers += 1
            me = mine.readers
        while True:
            with self.news:
                self.news.wait_for(
                    lambda: mine.due or mine.readers != me or self.is_closing,
                    timeout=_TICK_SECONDS,
                )
                if mine.readers != me or self.is_closing:
                    return
                hint = mine.due.popleft() if mine.due else ""
            yield hint

    def close(self) -> None:
        with self.news:
            self.is_closing = True
            self.news.notify_all()
        self.shutdown()
        self.server_close()


class _Reader(BaseHTTPRequestHandler):
    server: HintServer

    def do_GET(self) -> None:
        heard = self.server.hear(self.path.strip("/"))
        with contextlib.suppress(OSError):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(b"retry: 200\n\n")
            for hint in heard:
                words = f"event: hint\ndata: {hint}\n\n" if hint else ":\n\n"
                self.wfile.write(words.encode())

    def log_message(self, *words: object) -> None:
        """Nobody reads it."""


@contextlib.contextmanager
def hint_server() -> Iterator[HintServer]:
    server = HintServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()
