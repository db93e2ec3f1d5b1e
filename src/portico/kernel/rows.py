"""Rows that must not change or vanish while something is done with them."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model

from portico.kernel.errors import NotVisible

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
