from __future__ import annotations

from portico.accounts.models import User


def needs_email_code(user: User) -> bool:
    """Whether signing in takes a code by mail; who has no mailbox cannot get one."""
    return bool(user.email) and (user.email_code_required or user.email_code_chosen)
