"""``portico first-operator``: the first account of an installation, by a link."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from django.utils.timezone import now

from portico.config.start import complain, start_django


def main(argv: Sequence[str]) -> int:
    """Create operator and owner once, and print a one-time sign-in link.

    The owner sets his password on the page that the link leads to. Run again it prints a
    new link for the same account, for one who has lost his password.
    """
    parser = argparse.ArgumentParser(prog="portico first-operator")
    parser.add_argument("--username", required=True)
    parser.add_argument("--company", default="Operator")
    options = parser.parse_args(argv)
    trouble = start_django()
    return complain(trouble) if trouble else _run(options.username, options.company)


def _run(username: str, company: str) -> int:
    # Models can be loaded only now.
    from portico.config.people import ensure_operator, sign_in_link  # noqa: PLC0415

    user = ensure_operator(username=username, company=company, now=now())
    if user is None:
        return complain(f"{username} is not an account of the operator")
    sys.stdout.write(f"{sign_in_link(user, now=now())}\n")
    return 0
