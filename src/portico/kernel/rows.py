"""Rows that must not change or vanish while somebody works on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from portico.kernel.errors import ChangedMeanwhile, NotVisible

Row = TypeVar("Row", bound=Model)


def hold(row: Row) -> Row:
    """The newest state of ``row``, which nobody else holds, changes or deletes now.

    It is let go at the end of the transaction. Others may still refer to it: without this,
    what is added to a row that goes in the same moment fails only at the commit.

    :raises NotVisible: it was deleted.
    """
    rows = type(row)._default_manager.select_for_update(no_key=True)  # noqa: SLF001
    found = rows.filter(pk=row.pk).first()
    if found is None:
        raise NotVisible
    return found


def save_shown(row: Model, version: int, fields: Mapping[str, object]) -> None:
    """Save ``fields`` of ``row``, whose model counts its versions in ``version``.

    ``version`` is the one that was shown to whoever filled them in. Nothing else of the
    row is written; afterwards ``row`` has the new values.

    :raises ChangedMeanwhile: somebody else has saved or deleted it since.
    :raises django.db.IntegrityError: another row has what must be this one's alone; the
        transaction can go on.
    """
    rows = type(row)._default_manager.filter(pk=row.pk, version=version)  # noqa: SLF001
    saved = {**fields, "version": version + 1}
    with transaction.atomic():
        is_saved = rows.update(**saved)
    if not is_saved:
        raise changed_meanwhile()
    for name, value in saved.items():
        setattr(row, name, value)


def changed_meanwhile() -> ChangedMeanwhile:
    """What the second of two who change one thing is told."""
    return ChangedMeanwhile(
        _(
            "Somebody else has changed this since you opened the page."
            " Your entries are still here; reload to see what is saved now."
        )
    )
