"""Mails leave through the outbox, by a real worker to a real SMTP server."""

from __future__ import annotations

import datetime
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django.fixtures import Settings

from portico.config.mail_server import mail_server
from portico.jobs.enums import JobState
from portico.jobs.models import Job
from portico.kernel.clock import utcnow
from portico.kernel.queue import find_job
from portico.mail.letters import Letter
from portico.mail.models import OutboundMessage
from portico.mail.services import DELIVER, purge_delivered, send_letter
from portico.worker.runner import Worker
from tests.factories import make_operator
from tests.mail.server import Post, smtp_server
from tests.portals.conftest import client_of
from tests.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

ADA = "ada@example.com"


def order(
    subject: str = "Hello", *, useless_after: datetime.datetime | None = None
) -> OutboundMessage:
    return send_letter(
        recipient=ADA,
        language="en",
        write=lambda: Letter(subject=subject, paragraphs=["Good day."]),
        useless_after=useless_after,
        now=utcnow(),
    )


def use(settings: Settings, url: str) -> None:
    """What production settings make of ``url``."""
    server = mail_server(url)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.host, server.port
    settings.EMAIL_HOST_USER = server.user
    settings.EMAIL_HOST_PASSWORD = server.password
    settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = server.starttls, server.tls


@contextmanager
def working() -> Iterator[None]:
    """A worker for the length of the block."""
    worker = Worker()
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join(timeout=20)
        assert not thread.is_alive()


def hurry() -> None:
    """Let what waits for its next try be due."""
    Job.objects.filter(state=JobState.WAITING).update(run_at=utcnow())


def waits_with(error: str) -> bool:
    waiting = Job.objects.filter(state=JobState.WAITING, attempts__gt=0)
    return waiting.filter(last_error__contains=error).exists()


def dead_with(error: str) -> bool:
    dead = Job.objects.filter(state=JobState.DEAD)
    return dead.filter(last_error__contains=error).exists()


def test_a_mail_arrives_with_text_and_html_and_leaves_no_body(
    settings: Settings,
) -> None:
    post = Post()
    message = order()
    with smtp_server(post) as port, working():
        use(settings, f"smtp+plain://127.0.0.1:{port}")
        eventually(lambda: post.received)
        eventually(lambda: not Job.objects.exists())
    (mail,) = post.received
    assert mail["Subject"] == "Hello"
    assert mail["To"] == ADA
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] == f"<portico-{message.pk}@127.0.0.1>"
    assert [part.get_content_type() for part in mail.iter_parts()] == [
        "text/plain",
        "text/html",
    ]
    message.refresh_from_db()
    assert message.delivered_at is not None
    assert (message.body, message.html) == ("", "")


def test_a_mail_that_is_refused_for_now_goes_out_later(settings: Settings) -> None:
    post = Post(rcpt=["451 come back later"], data=["452 no room"])
    order()
    with smtp_server(post) as port, working():
        use(settings, f"smtp+plain://127.0.0.1:{port}")
        eventually(lambda: waits_with("come back later"))
        hurry()
        eventually(lambda: waits_with("no room"))
        assert post.received == []
        hurry()
        eventually(lambda: not Job.objects.exists())
    assert len(post.received) == 1


@pytest.mark.parametrize(
    "post", [Post(rcpt=["550 no such person"]), Post(data=["554 this looks like spam"])]
)
def test_a_mail_that_is_refused_for_good_is_a_dead_letter_at_once(
    settings: Settings, post: Post
) -> None:
    message = order()
    with smtp_server(post) as port, working():
        use(settings, f"smtp+plain://127.0.0.1:{port}")
        eventually(lambda: dead_with("the mail server refused it: 55"))
    assert Job.objects.get().attempts == 1
    message.refresh_from_db()
    assert message.delivered_at is None
    page = client_of(make_operator()).get("/operator/dead-letters/")
    assert "the mail server refused it: 55" in page.content.decode()


def test_a_server_that_says_nothing_is_tried_again(settings: Settings) -> None:
    post = Post(silence=2.0)
    settings.EMAIL_TIMEOUT = 0.2
    order()
    with smtp_server(post) as port, working():
        use(settings, f"smtp+plain://127.0.0.1:{port}")
        eventually(lambda: waits_with("timed out"))
        post.silence = 0.0
        hurry()
        eventually(lambda: not Job.objects.exists())
    assert post.received


def test_a_server_that_is_away_is_tried_again(settings: Settings) -> None:
    with smtp_server(Post()) as port:
        use(settings, f"smtp+plain://127.0.0.1:{port}")
    order()
    with working():
        eventually(lambda: waits_with("refused"))


def test_starttls_and_password(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, authority = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    post = Post()
    order()
    with smtp_server(post, context) as port, working():
        use(settings, f"smtp://portico:wrong@localhost:{port}")
        eventually(lambda: waits_with("SMTPAuthenticationError"))
        use(settings, f"smtp://portico:p%40ss%2Fword@localhost:{port}")
        hurry()
        eventually(lambda: not Job.objects.exists())
    assert post.sessions[0].ssl is not None


def test_a_certificate_of_nobody_known_is_not_believed(
    settings: Settings, tmp_path: Path
) -> None:
    context, _authority = certificate(tmp_path)
    post = Post()
    order()
    with smtp_server(post, context) as port, working():
        use(settings, f"smtp://portico:p%40ss%2Fword@localhost:{port}")
        eventually(lambda: waits_with("certificate verify failed"))
    assert post.received == []


def test_a_code_that_came_too_late_is_not_sent(settings: Settings) -> None:
    post = Post()
    order(useless_after=utcnow())
    with smtp_server(post) as port, working():
        use(settings, f"smtp+plain://127.0.0.1:{port}")
        eventually(lambda: dead_with("not delivered before"))
    assert post.received == []


def test_an_installation_without_a_mail_server_says_so(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "portico.mail.no_server.NoServerBackend"
    order()
    with working():
        eventually(lambda: dead_with("set PORTICO_SMTP_URL"))


def test_mails_are_tried_for_hours() -> None:
    spec = find_job(DELIVER)
    assert spec is not None
    waits = [spec.retry.wait(attempt) for attempt in range(1, spec.retry.attempts)]
    assert sum(waits, datetime.timedelta()) > datetime.timedelta(hours=6)


def test_delivered_mails_are_forgotten_after_a_month() -> None:
    old, new, owed = order(), order(), order()
    now = utcnow()
    month = datetime.timedelta(days=31)
    OutboundMessage.objects.filter(pk=old.pk).update(delivered_at=now - month)
    OutboundMessage.objects.filter(pk=new.pk).update(delivered_at=now)
    purge_delivered(now=now)
    assert set(OutboundMessage.objects.all()) == {new, owed}


def test_nobody_smuggles_headers_through_a_subject(settings: Settings) -> None:
    post = Post()
    order("Hello\r\nBcc: eve@example.com")
    with smtp_server(post) as port, working():
        use(settings, f"smtp+plain://127.0.0.1:{port}")
        eventually(lambda: post.received)
    assert post.received[0]["Bcc"] is None
    assert post.received[0]["Subject"] == "Hello Bcc: eve@example.com"


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context for ``localhost``, and who vouches for it: itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = utcnow()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "cert.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    return context, chain
