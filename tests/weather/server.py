"""A local server of the Open-Meteo shape, which can also be slow, wrong or away."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from portico.weather.open_meteo import OpenMeteo
from portico.weather.ports import install_weather

HAMBURG = {
    "id": 2911298,
    "name": "Hamburg",
    "latitude": 53.55073,
    "longitude": 9.99302,
    "country_code": "DE",
    "timezone": "Europe/Berlin",
}
FORECAST: dict[str, Any] = {
    "latitude": 53.56,
    "longitude": 10.0,
    "current": {
        "time": "2026-11-22T19:15",
        "interval": 900,
        "temperature_2m": 7.6,
        "weather_code": 61,
        "is_day": 0,
    },
    "daily": {
        "time": ["2026-11-22", "2026-11-23", "2026-11-24"],
        "weather_code": [61, 3, 0],
        "temperature_2m_max": [9.1, 8.4, 6.0],
        "temperature_2m_min": [4.2, 1.9, -1.3],
    },
}


@dataclass
class FakeWeather:
    """What the server answers, and what it was asked."""

    url: str = ""
    places: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {"Hamburg": HAMBURG}
    )
    forecast: object = field(default_factory=lambda: FORECAST)
    status: int = 200
    delay: float = 0.0
    raw: bytes | None = None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def names(self) -> list[str]:
        """The places that were searched for, in order."""
        return [query["name"] for path, query in self.asked if path == "/v1/search"]

    def answer(self, path: str, query: dict[str, str]) -> bytes:
        self.asked.append((path, query))
        time.sleep(self.delay)
        if self.raw is not None:
            return self.raw
        if path == "/v1/search":
            found = self.places.get(query["name"])
            # As the real one: nothing found is an answer without results.
            return json.dumps({"results": [found]} if found else {"t": 0.1}).encode()
        return json.dumps(self.forecast).encode()


@contextmanager
def weather_server() -> Iterator[FakeWeather]:
    """Listens on a free port of this machine until the block ends."""
    fake = FakeWeather()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {key: one[0] for key, one in parse_qs(parts.query).items()}
            body = fake.answer(parts.path, query)
            try:
                self.send_response(fake.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:  # who asked did not wait
                pass

        def log_message(self, *args: object) -> None:
            del args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def configured_weather() -> Iterator[FakeWeather]:
    """An installation whose provider is such a server."""
    with weather_server() as fake:
        install_weather(OpenMeteo(search_url=fake.url, forecast_url=f"{fake.url}/"))
        try:
            yield fake
        finally:
            install_weather(None)
