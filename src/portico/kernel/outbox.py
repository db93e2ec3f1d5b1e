"""What may leave the process only when the transaction has committed."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from portico.kernel.bus import publish


def publish_on_commit(subject: str, **payload: Any) -> None:
    """Hint on the bus once the current transaction is durable; never if it is not."""
    transaction.on_commit(lambda: publish(subject, **payload), robust=True)
