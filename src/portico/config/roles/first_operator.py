"""``portico first-operator``: the first account of an installation, by a link."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from django.utils.timezone import now

from portico.config.start import complain, start_django
from portico.kernel.errors import DomainError


def main(argv: Sequence[str]) -> int:
    """Create operator and owner once, and print a link that sets his password.

    Run again it prints a new link for the same account, for one who has lost his password.
    With ``--email`` his address counts as confirmed: no mail server is needed to begin.
    """
    parser = argparse.ArgumentParser(prog="portico first-operator")
    parser.add_argument("--username", required=True)
    parser.add_argument("--company", default="Operator")
    parser.add_argument("--email", default="")
    options = parser.parse_args(argv)
    trouble = start_django()
    return complain(trouble) if trouble else _run(options)


def _run(options: argparse.Namespace) -> int:
    # Models can be loaded only now.
    from portico.config import people  # noqa: PLC0415

    username = options.username
    user = people.ensure_operator(username=username, company=options.company, now=now())
    if user is None:
        return complain(f"{username} is not an account of the operator")
    try:
        if options.email:
            people.give_email(user, options.email, now=now())
    except DomainError as error:
        return complain(f"{options.email} cannot be used: {error}")
    sys.stdout.write(f"{people.first_password_link(user, now=now())}\n")
    return 0
