"""The mail server, from one address in the environment."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_SCHEMES = {"smtps": 465, "smtp": 587, "smtp+plain": 25}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed over; ``starttls`` and ``tls`` exclude each other."""

    host: str
    port: int
    user: str
    password: str
    starttls: bool
    tls: bool


def mail_server(url: str) -> MailServer:
    """Read ``smtp://user:password@host:port``: encrypted by STARTTLS.

    ``smtps://`` is encrypted from the start, ``smtp+plain://`` not at all (for a server
    on the same machine).

    :raises ValueError: it is none of them.
    """
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        known = ", ".join(f"{scheme}://" for scheme in _SCHEMES)
        raise ValueError(f"PORTICO_SMTP_URL must begin with one of {known} and a host")
    return MailServer(
        host=parts.hostname,
        port=parts.port or _SCHEMES[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        starttls=parts.scheme == "smtp",
        tls=parts.scheme == "smtps",
    )
