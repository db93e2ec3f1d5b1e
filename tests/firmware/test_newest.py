"""Which release a unit could have."""

from __future__ import annotations

from typing import Any

import pytest

from portico.firmware.newest import is_newer, newest_versions
from tests.factories.firmware import make_version

pytestmark = [pytest.mark.unit, pytest.mark.django_db]


def test_the_newest_by_number_that_is_not_bad(
    django_assert_num_queries: Any,
) -> None:
    make_version("29.30.9.200")
    best = make_version("29.30.10.2")
    make_version("29.30.10.3", known_bad="x")
    other = make_version("320.1.1.1", model="R20B")
    make_version("320.1.1.1", model="R20K")
    with django_assert_num_queries(1):
        found = newest_versions(["R29", "R20B", "X915"])
    assert found == {"R29": best, "R20B": other}


def test_what_is_newer_than_a_unit_tells(db: None) -> None:
    version = make_version("29.30.10.2")
    assert is_newer(version, "29.30.9.200")
    assert not is_newer(version, "29.30.10.2")
    assert not is_newer(version, "29.30.10.10")
    # Not heard of yet, or nothing that can be compared.
    assert not is_newer(version, "")
    assert not is_newer(version, "beta")
    assert not is_newer(None, "29.30.9.200")
