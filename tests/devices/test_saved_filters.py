from __future__ import annotations

import pytest

from portico.audit.models import AuditEntry
from portico.devices.errors import FilterNameTaken, TooManyFilters
from portico.devices.models import SavedFilter
from portico.devices.selectors import visible_filters
from portico.devices.services.saved_filters import (
    MOST_FILTERS,
    delete_filter,
    rename_filter,
)
from portico.kernel.clock import utcnow
from portico.kernel.errors import NotVisible
from tests.factories import make_distributor, make_installer
from tests.factories.filters import make_filter

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
NOW = utcnow()


def test_a_name_is_the_companys_own() -> None:
    first, second = make_installer(), make_installer()
    saved = make_filter(first, "Doors", q="R29")
    make_filter(second, "Doors")
    with pytest.raises(FilterNameTaken):
        make_filter(first, "Doors")
    other = make_filter(first, "Gates")
    with pytest.raises(FilterNameTaken):
        rename_filter(actor=first, saved=other, name="Doors", now=NOW)

    assert list(visible_filters(first)) == [saved, other]
    assert saved.query == {"q": "R29"}


def test_there_is_a_bound() -> None:
    installer = make_installer()
    for number in range(MOST_FILTERS):
        make_filter(installer, f"Filter {number}")
    with pytest.raises(TooManyFilters):
        make_filter(installer, "One more")

    assert SavedFilter.objects.count() == MOST_FILTERS


def test_life_of_a_filter_is_in_the_audit_log() -> None:
    installer = make_installer()
    saved = make_filter(installer, "Doors", presence="offline")
    rename_filter(actor=installer, saved=saved, name="Silent doors", now=NOW)
    delete_filter(actor=installer, saved=saved, now=NOW)

    rows = AuditEntry.objects.filter(action__startswith="saved_filter.").order_by("pk")
    assert [row.action.partition(".")[2] for row in rows] == [
        "saved",
        "renamed",
        "deleted",
    ]
    assert not SavedFilter.objects.exists()


def test_strangers_have_no_filters_here() -> None:
    saved = make_filter(make_installer())
    for stranger in (make_installer(), make_distributor()):
        with pytest.raises(NotVisible):
            rename_filter(actor=stranger, saved=saved, name="Mine", now=NOW)
        with pytest.raises(NotVisible):
            delete_filter(actor=stranger, saved=saved, now=NOW)
    with pytest.raises(NotVisible):
        make_filter(make_distributor())

    assert [one.name for one in SavedFilter.objects.all()] == ["Doors"]
