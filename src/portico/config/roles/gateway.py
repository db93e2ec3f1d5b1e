"""``portico gateway``: what devices, bridges and live views talk to."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from urllib.parse import urlsplit

from portico.config.start import complain, port_trouble, start_django


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="portico gateway")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--web", default="", help="where web is, to pass the rest to")
    parser.add_argument("--sip-port", type=int, default=0, help="UDP registrar")
    options = parser.parse_args(argv)
    trouble = start_django() or port_trouble(options.host, options.port)
    if options.sip_port and not trouble:
        trouble = port_trouble(options.host, options.sip_port, udp=True)
    if trouble:
        return complain(trouble)
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    # Models can be loaded only now.
    from django.conf import settings  # noqa: PLC0415

    from portico.gateway.domain import Domain  # noqa: PLC0415
    from portico.gateway.process import run_gateway  # noqa: PLC0415
    from portico.gateway.server import Gateway  # noqa: PLC0415
    from portico.kernel.bus import current_bus  # noqa: PLC0415

    environment = settings.ENVIRONMENT
    gateway = Gateway(
        domain=Domain(),
        bus=current_bus(),
        gateway_id=environment.gateway_id,
        trusted_proxies=environment.trusted_proxies.split(","),
        session_cookie=settings.SESSION_COOKIE_NAME,
        web=options.web,
        scheme=urlsplit(environment.public_url).scheme,
        metrics_token=environment.metrics_token.get_secret_value(),
        remote=environment.remote_base,
        image_rate=environment.firmware_rate * 1024,
        sip=(options.host, options.sip_port) if options.sip_port else None,
    )
    return run_gateway(gateway, options.host, options.port)
