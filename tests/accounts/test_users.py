from __future__ import annotations

import pytest
from django.db import IntegrityError

from portico.accounts.models import User


@pytest.mark.integration
@pytest.mark.django_db
def test_a_user_name_is_one_in_any_case_of_letters() -> None:
    """Signing in asks for no case, so that two would be one."""
    User.objects.create_user("Sam")
    with pytest.raises(IntegrityError):
        User.objects.create_user("sAM")
