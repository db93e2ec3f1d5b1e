from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.appapi.masking import (
    common_tail,
    possible_emails,
    possible_national_numbers,
)
from tests.appapi.support import mask_email, mask_phone

pytestmark = [pytest.mark.unit, pytest.mark.bare]

email_chars = string.ascii_letters + string.digits + "._+-"
emails = st.builds(
    "{}@{}.org".format,
    st.text(email_chars, min_size=1, max_size=20),
    st.text(string.ascii_letters + string.digits, min_size=1, max_size=10),
)
# National numbers as people type them: with or without the zero before the area.
numbers = st.from_regex(r"0?[1-9][0-9]{5,11}", fullmatch=True).filter(
    lambda number: not number.lstrip("0").startswith("77777")
)


@given(email=emails, digits=st.booleans())
def test_every_email_that_a_client_masks_is_found(email: str, digits: bool) -> None:
    assert email.lower() in possible_emails(mask_email(email, digits=digits))


@given(number=numbers)
def test_every_number_that_a_client_masks_is_found(number: str) -> None:
    found = possible_national_numbers(mask_phone(number))

    assert number.lstrip("0") in found
    assert len(found) <= 5


@given(number=numbers)
def test_all_masked_forms_of_a_number_are_counted_together(number: str) -> None:
    with_zero = mask_phone("0" + number.lstrip("0"))

    assert common_tail(mask_phone(number)) == common_tail(with_zero)


@given(masked=st.text(max_size=30))
def test_any_text_has_few_meanings(masked: str) -> None:
    assert len(possible_emails(masked)) in {1, 2}
    assert len(possible_national_numbers(masked)) <= 5
    assert all(number.isdigit() for number in possible_national_numbers(masked))


@pytest.mark.parametrize("masked", ["", "12a", "-1", "1 2", "٣٤", "1" * 16])
def test_what_is_no_number_means_nobody(masked: str) -> None:
    assert possible_national_numbers(masked) == []


def test_a_leading_seven_is_found_though_it_was_lost() -> None:
    assert mask_phone("7400123456") == "733456789"
    assert "7400123456" in possible_national_numbers("733456789")
