from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portico.accounts.models import User
from portico.mail.models import OutboundMessage
from portico.tenancy.enums import Role
from portico.tenancy.services.members import set_password_reminder
from portico.tenancy.services.reminders import EVERY, send_due_reminders
from tests.factories import make_installer, make_person

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_a_manager_is_reminded_once_a_month_while_it_is_wanted() -> None:
    installer = make_installer()
    petra = make_person(installer, Role.MANAGER, "petra")
    make_person(installer, Role.MANAGER, "paul")  # off, as it begins
    set_password_reminder(actor=installer, member=petra, wanted=True, now=NOON)

    assert send_due_reminders(now=NOON + EVERY - SECOND) == 0
    assert send_due_reminders(now=NOON + EVERY) == 1
    assert send_due_reminders(now=NOON + EVERY + SECOND) == 0
    assert send_due_reminders(now=NOON + 2 * EVERY) == 1
    assert {message.recipient for message in OutboundMessage.objects.all()} == {
        "petra@example.com"
    }
    set_password_reminder(actor=installer, member=petra, wanted=False, now=NOON)
    assert send_due_reminders(now=NOON + 4 * EVERY) == 0


def test_a_disabled_manager_is_not_reminded() -> None:
    installer = make_installer()
    petra = make_person(installer, Role.MANAGER, "petra")
    set_password_reminder(actor=installer, member=petra, wanted=True, now=NOON)
    User.objects.filter(pk=petra.user_id).update(is_active=False)

    assert send_due_reminders(now=NOON + 2 * EVERY) == 0
