"""The mail about a message in a ticket; called in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from portico.mail.letters import Action, Letter


def ticket_message(
    *,
    subject: str,
    number: int,
    who: str,
    company: str,
    text: str,
    files: Sequence[str],
    url: str,
    can_reply: bool,
) -> Letter:
    words = [_("%(who)s of %(company)s wrote:") % {"who": who, "company": company}]
    words += [line for line in text.splitlines() if line.strip()]
    if files:
        words.append(_("Files: %(names)s") % {"names": ", ".join(files)})
    reply = _("Reply to this mail to answer; what it quotes is left out.")
    note = reply if can_reply else _("Answer on the page; this address is not read.")
    return Letter(
        subject=_("[Ticket %(n)d] %(subject)s") % {"n": number, "subject": subject},
        paragraphs=words,
        action=Action(_("Open the ticket"), url),
        notes=[note],
    )
