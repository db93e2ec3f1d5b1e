from __future__ import annotations

import os
import subprocess
import sys

import pytest

from portico.config.mail_server import MailServer, mail_server
from portico.kernel.crypto import new_key

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("url", "server"),
    [
        (
            "smtp://user%40x:p%3Ass@mail.example.org",
            MailServer("mail.example.org", 587, "user@x", "p:ss", True, False),
        ),
        (
            "smtps://u:p@mail.example.org:4650",
            MailServer("mail.example.org", 4650, "u", "p", False, True),
        ),
        ("smtp+plain://127.0.0.1", MailServer("127.0.0.1", 25, "", "", False, False)),
    ],
)
def test_addresses_of_mail_servers(url: str, server: MailServer) -> None:
    assert mail_server(url) == server


@pytest.mark.parametrize("url", ["mail.example.org", "http://x", "smtp://", "smtps:x"])
def test_what_is_no_mail_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="PORTICO_SMTP_URL"):
        mail_server(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", "portico.mail.no_server.NoServerBackend 20 Portico <portico@p.example>"),
        (
            "smtps://u:p@mail.example.org",
            (
                "django.core.mail.backends.smtp.EmailBackend 20"
                " Portico <portico@p.example>"
            ),
        ),
        ("nonsense", "PORTICO_SMTP_URL must begin with"),
    ],
)
def test_production_takes_it_from_the_environment(url: str, expected: str) -> None:
    code = (
        "from portico.config.settings import prod as s;"
        "print(s.EMAIL_BACKEND, s.EMAIL_TIMEOUT, s.DEFAULT_FROM_EMAIL)"
    )
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PORTICO_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=kept
        | {
            "PORTICO_SECRET_KEY": "s" * 60,
            "PORTICO_ENCRYPTION_KEYS": new_key(),
            "PORTICO_PUBLIC_URL": "https://p.example",
            "PORTICO_SMTP_URL": url,
            "PYTHONPATH": "src",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert expected in done.stdout + done.stderr
