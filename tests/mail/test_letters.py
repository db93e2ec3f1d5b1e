from __future__ import annotations

import pytest
from django.core.mail import EmailMultiAlternatives
from django.utils import translation
from django.utils.translation import gettext

from portico.kernel.clock import utcnow
from portico.mail.errors import BadAddress
from portico.mail.letters import Action, Letter, render_letter
from portico.mail.models import OutboundMessage
from portico.mail.services import send_letter
from tests.mails import last_mail, scanned

pytestmark = pytest.mark.integration

LETTER = Letter(
    subject="Confirm <your> email",
    paragraphs=["Tom & Jerry asked."],
    code="012345",
    action=Action("Confirm", "https://portico.example.org/x/?a=1&b=2"),
    notes=["It works once."],
)


def test_text_and_html_say_the_same() -> None:
    text, html = render_letter(LETTER)
    assert "Tom & Jerry asked." in text
    assert "Tom &amp; Jerry asked." in html
    assert "\n    012345\n" in text
    assert ">012345<" in html
    assert "\nhttps://portico.example.org/x/?a=1&b=2\n" in text
    assert html.count("https://portico.example.org/x/?a=1&amp;b=2") == 3
    assert "<your>" in text
    assert "<your>" not in html


def test_html_is_one_column_with_styles_in_place_and_nothing_to_fetch() -> None:
    _text, html = render_letter(LETTER)
    assert "max-width: 600px" in html
    assert 'class="button" style=' in html.replace("'", '"') or "style=" in html
    assert "prefers-color-scheme: dark" in html
    assert '<meta name="color-scheme" content="light dark">' in html
    for fetched in ("<img", "<link", "<script", "@import", "url("):
        assert fetched not in html


@pytest.mark.django_db
def test_what_is_for_a_phone_is_a_code_to_scan_inside_the_mail() -> None:
    action = Action(
        "Set a password", "https://portico.example.org/p/x", is_for_phone=True
    )
    letter = Letter(subject="Welcome", paragraphs=["Hello."], action=action)
    order = send_letter(
        recipient="ada@example.com", language="en", write=lambda: letter, now=utcnow()
    )

    message = last_mail("ada@example.com")

    assert scanned(message) == action.url
    kinds = [part.get_content_type() for part in message.message().walk()]
    assert kinds[0] == "multipart/related"
    assert isinstance(message, EmailMultiAlternatives)
    assert 'src="cid:qr"' in str(message.alternatives[0])
    order.refresh_from_db()
    assert order.qr == ""


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("he", "rtl")])
def test_the_language_decides_the_direction(language: str, direction: str) -> None:
    with translation.override(language):
        _text, html = render_letter(LETTER)
    assert f'<html lang="{language}" dir="{direction}">' in html


@pytest.mark.django_db
def test_a_letter_is_written_in_the_language_of_its_reader() -> None:
    send_letter(
        recipient="ada@example.com",
        language="de",
        # A word that Django itself brings in all languages.
        write=lambda: Letter(subject=gettext("Monday"), paragraphs=["x"]),
        now=utcnow(),
    )
    assert OutboundMessage.objects.get().subject == "Montag"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com\nBcc: eve@example.com",
        "ada@example.com\r\nSubject: x",
        "ada@example.com\n",
        "ada@example.com, eve@example.com",
        "Ada <ada@example.com>",
        "ada",
        "",
    ],
)
def test_what_is_not_one_address_is_refused(address: str) -> None:
    with pytest.raises(BadAddress):
        send_letter(
            recipient=address, language="en", write=lambda: LETTER, now=utcnow()
        )
    assert not OutboundMessage.objects.exists()
