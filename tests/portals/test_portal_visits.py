"""The distributor inside an installer's portal, by consent (SET-8)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.exports.models import Export
from portico.kernel.clock import utcnow
from portico.mail.models import OutboundMessage
from portico.tenancy.models import PortalVisit
from tests.factories import (
    make_capture,
    make_device,
    make_distributor,
    make_event,
    make_installer,
    make_operator,
    make_site,
    organization_of,
    run_jobs,
)
from tests.factories.access import make_face
from tests.portals.conftest import client_of
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


class Pair:
    """An installer and his distributor, each in a browser."""

    def __init__(self) -> None:
        self.dana = make_distributor("dana", "Nord Distribution")
        self.ida = make_installer("ida", distributor=self.dana, name="Inst")
        self.site = make_site(self.ida, "Ryan")
        self.desk, self.home = client_of(self.dana), client_of(self.ida)
        self.one = f"/distributor/companies/{organization_of(self.ida).pk}/"

    def offer(self, *, on: bool = True) -> None:
        self.desk.post(f"{self.one}access/", {"on": "yes" if on else "no"})

    def grant(self, *, on: bool = True) -> int:
        form = {"on": "yes" if on else "no"}
        return self.home.post("/installer/setting/access/", form).status_code

    def enter(self, client: Client | None = None) -> bool:
        """Whether the installer's portal opened."""
        desk = client or self.desk
        desk.post(f"{self.one}enter/")
        return self.is_inside(desk)

    def is_inside(self, client: Client | None = None) -> bool:
        page = (client or self.desk).get(f"/installer/sites/{self.site.pk}/")
        return page.status_code == 200


@pytest.fixture
def pair(db: None) -> Pair:
    return Pair()


def test_without_offer_or_consent_nobody_enters(pair: Pair) -> None:
    assert pair.grant() == 404  # nothing was offered
    assert not pair.enter()
    pair.offer()
    assert "has not allowed it yet" in text_of(pair.desk.get(pair.one))
    assert not pair.enter()
    assert not PortalVisit.objects.exists()
    assert pair.home.get("/installer/setting/access/").status_code == 200


def test_a_visit_acts_under_a_banner_and_both_names(pair: Pair) -> None:
    pair.offer()
    pair.grant()
    assert pair.enter()

    page = text_of(pair.desk.get("/installer/sites/"))
    assert "You are in the portal of Inst." in page
    assert re.search(r"5\d:\d\d left", page)
    [mail] = OutboundMessage.objects.all()
    assert mail.recipient == "ida@example.com"
    assert "Nord Distribution has entered your portal" in mail.subject
    form = {
        "name": "Nora",
        "email": "nora@example.com",
        "call_mode": "sip",
        "time_zone": "Europe/Berlin",
        "time_format": "24h",
        "language": "en",
    }
    assert pair.desk.post("/installer/sites/new/", form).status_code == 302
    entry = AuditEntry.objects.get(
        action="site.registered", object_name__contains="Nora"
    )
    assert entry.actor_id == pair.dana.pk
    assert entry.on_behalf_of_id == entry.organization_id
    assert entry.organization_id == organization_of(pair.ida).pk
    assert "Nora" in text_of(pair.home.get("/installer/sites/"))

    left = pair.desk.post("/installer/visit/leave/", follow=True)
    assert left.request["PATH_INFO"] == "/distributor/"
    assert not pair.is_inside()
    actions = list(
        AuditEntry.objects.filter(action__startswith="access.").values_list(
            "action", flat=True
        )
    )
    assert actions == ["access.granted", "access.entered", "access.left"]


def test_a_visitor_does_not_reach_people_company_or_permission(pair: Pair) -> None:
    pair.offer()
    pair.grant()
    assert pair.enter()
    for path in (
        "users/",
        "users/managers/new/",
        "setting/",
        "setting/password/",
        "setting/access/",
        "setting/company/billing/",
        "setting/two-factor/",
        "subscriptions/",
        "notifications/",
    ):
        assert pair.desk.get(f"/installer/{path}").status_code == 404, path
    # His own portal is his as before.
    assert pair.desk.get("/distributor/setting/").status_code == 200
    entries = AuditEntry.objects.filter(actor_id=pair.dana.pk)
    assert not entries.exclude(on_behalf_of_id=None).exists()


def test_a_visitor_sees_no_face(pair: Pair) -> None:
    resident = pair.site.residents.get()
    face = make_face(resident, pair.ida)
    pair.offer()
    pair.grant()
    assert pair.enter()
    people = f"/installer/sites/{pair.site.pk}/people/"
    photo = f"{people}{resident.pk}/access/{face.pk}/photo.jpg"
    assert pair.desk.get(photo).status_code == 404
    assert pair.home.get(photo).status_code == 200


def test_a_visitor_gets_nothing_that_outlives_the_visit(pair: Pair) -> None:
    device = make_device(pair.site, pair.ida)
    run_jobs()
    house = f"/installer/sites/{pair.site.pk}/bridge/"
    unit = f"/installer/devices/{device.mac}/provisioning/"
    pair.offer()
    pair.grant()
    assert pair.enter()

    for path in (f"{house}add/", f"{house}remove/", f"{unit}reveal/"):
        assert pair.desk.post(path).status_code == 404, path
    secret = device.secrets.file_secret
    for path, button in ((house, "Add bridge"), (unit, "Show passwords")):
        shown, own = text_of(pair.desk.get(path)), text_of(pair.home.get(path))
        assert button not in shown
        assert secret not in shown
        assert button in own
    assert secret in text_of(pair.home.get(unit))
    assert "Withdraw it" in text_of(pair.home.post(f"{house}add/"))


@pytest.mark.parametrize("end", ["withdrawn", "offer taken", "expired", "disabled"])
def test_a_visit_ends_at_once(pair: Pair, end: str) -> None:
    pair.offer()
    pair.grant()
    assert pair.enter()
    if end == "withdrawn":
        pair.grant(on=False)
    elif end == "offer taken":
        pair.offer(on=False)
    elif end == "disabled":
        User.objects.filter(pk=pair.dana.pk).update(is_active=False)
    else:
        past = utcnow() - timedelta(seconds=1)
        PortalVisit.objects.update(expires_at=past)
    assert not pair.is_inside()
    assert not pair.is_inside()  # nor at the second try


def test_consent_does_not_come_back_with_a_new_offer(pair: Pair) -> None:
    pair.offer()
    pair.grant()
    pair.offer(on=False)
    pair.offer()

    assert not pair.enter()


def test_another_distributor_does_not_enter(pair: Pair) -> None:
    pair.offer()
    pair.grant()
    other = client_of(make_distributor("otto"))
    assert other.post(f"{pair.one}enter/").status_code == 404
    # Nor with a visit that is somebody else's.
    pair.enter()
    session = other.session
    session["portal_visit"] = PortalVisit.objects.get().pk
    session.save()
    assert not pair.is_inside(other)


def test_granting_twice_is_one_consent(pair: Pair) -> None:
    pair.offer()
    pair.grant()
    first = organization_of(User.objects.get(username="ida")).access_granted_at
    pair.grant()

    assert organization_of(User.objects.get(username="ida")).access_granted_at == first
    assert AuditEntry.objects.filter(action="access.granted").count() == 1


def test_the_operator_does_not_enter(pair: Pair) -> None:
    pair.offer()
    pair.grant()
    operator = client_of(make_operator())
    one = pair.one.replace("distributor", "operator")

    assert "Enter portal" not in text_of(operator.get(one))
    operator.post(f"{one}enter/")
    assert not pair.is_inside(operator)
    assert not PortalVisit.objects.exists()


def test_a_visitor_reads_the_log_and_has_no_file_made(pair: Pair) -> None:
    pair.offer()
    pair.grant()
    assert pair.enter()
    device = make_device(pair.site, pair.ida)
    make_event(device, "face_granted", user="Mia")
    make_capture(device)
    page = text_of(pair.desk.get("/installer/log/"))
    assert "Mia" in page
    assert "log/export/" not in page
    assert "?export=csv" in page
    picture = re.search(r'src="([^"]*/log/pictures/[^"]+)"', page)
    assert picture is not None
    assert pair.desk.get(picture[1]).status_code == 200
    form = {"format": "csv", "back": "/installer/log/"}
    assert pair.desk.post("/installer/log/export/", form).status_code == 404
    assert pair.desk.get("/installer/exports/").status_code == 404
    assert not Export.objects.exists()
    # What he saw is no longer his when he has left.
    pair.grant(on=False)
    assert pair.desk.get(picture[1]).status_code in {302, 404}
