from __future__ import annotations

import pytest
from django.test import Client

from portico.audit.models import AuditEntry
from portico.jobs.enums import JobState
from portico.jobs.models import Job
from portico.tenancy.selectors import platform_settings
from tests.factories import make_dead_letter, make_operator
from tests.portals.conftest import client_of
from tests.portals.support import HTMX, assert_constant_queries, text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture
def desk(db: None) -> Client:
    return client_of(make_operator("otto"))


def test_overview_shows_numbers_and_what_needs_a_look(desk: Client) -> None:
    page = text_of(desk.get("/operator/"))
    assert "Devices online" in page
    part = text_of(desk.get("/operator/health/", headers=HTMX))
    assert "Jobs waiting" in part
    assert "<html" not in part


def test_dead_letter_is_tried_again(desk: Client) -> None:
    job = make_dead_letter(error="OSError: away")
    assert "OSError: away" in text_of(desk.get("/operator/dead-letters/"))
    url = f"/operator/dead-letters/{job.pk}/retry/"
    assert desk.get(url).status_code == 405
    assert desk.post(url).status_code == 302
    job.refresh_from_db()
    assert (job.state, job.attempts) == (JobState.WAITING, 0)
    assert desk.post(url).status_code == 404  # it is no dead letter any more


def test_dead_letter_is_discarded_after_asking(desk: Client) -> None:
    job = make_dead_letter()
    url = f"/operator/dead-letters/{job.pk}/discard/"
    assert "will not be done" in text_of(desk.get(url))
    assert Job.objects.count() == 1
    assert desk.post(url).status_code == 302
    assert not Job.objects.exists()
    assert AuditEntry.objects.filter(action="job.discarded").count() == 1


def test_dead_letters_cost_the_same_with_one_and_three(desk: Client) -> None:
    make_dead_letter()

    def add() -> None:
        make_dead_letter()
        make_dead_letter()

    assert_constant_queries(desk, "/operator/dead-letters/", add)


def test_app_api_is_switched_off_and_on(desk: Client) -> None:
    desk.post("/operator/app-api/", {"enabled": "no"})
    assert not platform_settings().app_api_enabled
    assert "Switch on" in text_of(desk.get("/operator/app-api/"))
    assert "switched off" in text_of(desk.get("/operator/"))
    desk.post("/operator/app-api/", {"enabled": "yes"})
    assert platform_settings().app_api_enabled
