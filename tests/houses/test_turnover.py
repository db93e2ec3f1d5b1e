"""Reset and Delete of a house (SITE-7, SITE-8): random houses, compared field by field.

Next door stands another house with everything that the first one has: nothing of it may
change, whatever happens to its neighbour. Some accounts live in a second house, too, which
stays as it is with all that they have there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.apps import apps
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.test import TestCase
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from portico.access.enums import CredentialKind
from portico.access.models import Credential, Face, TempKey
from portico.access.services.temp_keys import create_temp_key
from portico.accounts.models import AppSession, PasswordLink, User
from portico.accounts.services.app_sessions import open_session
from portico.audit.models import AuditEntry
from portico.devices.enums import OPEN_STATES, CommandChannel, DeviceKind
from portico.devices.models import Command, Device, DevicePicture
from portico.devices.services.commands import expire_commands, request_open
from portico.devices.services.registration import DeviceData, register_device
from portico.events.models import Capture, Event, LogEntry, Visit
from portico.houses.services.turnover import delete_house, reset_house
from portico.kernel.clock import utcnow
from portico.kernel.errors import NotVisible
from portico.mail.models import OutboundMessage
from portico.messaging.models import Receipt
from portico.sites.enums import CallMode, Feature, RegistrationState, VideoStart
from portico.sites.models import Entitlement, Resident, SipAccount, Site
from portico.sites.rules import service
from portico.sites.services.entitlements import grant
from portico.sites.services.people import add_family_member
from portico.sites.services.registration import PersonData
from portico.sites.services.residents import mark_registered
from portico.sites.services.video import VideoData
from tests.factories import (
    make_bridge,
    make_community,
    make_device,
    make_event,
    make_family_member,
    make_installer,
    make_message,
    make_picture,
    make_seen,
    make_site,
    run_jobs,
    set_prices,
)
from tests.factories.access import make_credential, make_face

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

# SITE-8, in the words of the columns. Everything that is not named here is kept.
FORGOTTEN = {"country", "landline_1", "landline_2", "landline_3"}
COUNTED = {"version", "reset_at"}
# Tables whose rows of the house stay as they are.
KEPT_TABLES = {
    "devices.Device.site",
    "devices.DeviceSecrets.device",
    "devices.Relay.device",
    "devices.Bridge.site",
    "sites.VideoPlan.site",
    "sites.SiteAssignment.site",
}
MASTER_FORGETS = {"email", "phone", "password", "app_digest", "email_confirmed_at"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a house has."""

    members: int
    devices: int
    bridge: bool
    keys: int
    events: int
    landlines: tuple[str, str, str]
    premium: bool
    video: bool
    smart_home: bool
    monitor: bool
    call_mode: CallMode
    zone: str
    language: str
    paid: list[tuple[Feature, int]]
    registered: bool
    messages: int
    # Who of the house lives in the second one, too, and who of that one lives here.
    linked: frozenset[str]


plans = st.builds(
    Plan,
    members=st.integers(0, 5),
    devices=st.integers(0, 2),
    bridge=st.booleans(),
    keys=st.integers(0, 2),
    events=st.integers(0, 3),
    landlines=st.sampled_from([("", "", ""), ("+4940111222", "", "+4940333444")]),
    premium=st.booleans(),
    video=st.booleans(),
    smart_home=st.booleans(),
    monitor=st.booleans(),
    call_mode=st.sampled_from(CallMode),
    zone=st.sampled_from(["Europe/Berlin", "Asia/Tokyo"]),
    language=st.sampled_from(["en", "he"]),
    paid=st.lists(
        st.tuples(st.sampled_from([Feature.APP, Feature.PREMIUM]), st.integers(1, 24)),
        max_size=3,
    ),
    registered=st.booleans(),
    messages=st.integers(0, 1),
    linked=st.frozensets(st.sampled_from(["master", "member", "guest"])),
)


def build(ida: User, plan: Plan, name: str) -> Site:
    """A house as ``plan`` says, with its history."""
    now = utcnow()
    site = make_site(
        ida,
        name,
        country="DE",
        phone=f"+49151234567{len(name)}{plan.members}",
        address="Lindenweg 4",
        landlines=plan.landlines if plan.premium else ("", "", ""),
        premium_plan=plan.premium,
        landline_service=plan.premium,
        video=VideoData(start=VideoStart.TRIAL)
        if plan.premium and plan.video
        else None,
        smart_home=plan.smart_home,
        smart_home_url="https://ha.example.com" if plan.smart_home else "",
        with_indoor_monitor=plan.monitor,
        call_mode=plan.call_mode,
        time_zone=plan.zone,
        language=plan.language,
    )
    for feature, months in plan.paid:
        grant(actor=None, site=site, feature=feature, months=months, now=now)
    for _ in range(plan.members):
        make_family_member(site, ida)
    people = list(site.residents.select_related("user"))
    if plan.registered:
        for person in people:
            mark_registered(user=person.user, now=now)
            open_session(user=person.user, client="test", now=now)
    if plan.bridge:
        make_bridge(site, ida)
    for number in range(plan.devices):
        add_device(ida, plan, site, f"Door {number}")
    for _ in range(plan.messages):
        make_message(ida)
    run_jobs()
    site.refresh_from_db()
    return site


def add_device(ida: User, plan: Plan, site: Site, name: str) -> None:
    """A door phone with codes, pictures, events and an opening that nobody answered."""
    now, person = utcnow(), site.residents.latest("pk").user
    device = make_device(site, ida, name=name)
    make_seen(device)
    relay = device.relays.get()
    for _ in range(plan.keys):
        create_temp_key(
            actor=person,
            site=site,
            name="Guest",
            relays=[relay],
            starts_at=now,
            ends_at=now + timedelta(days=1),
            uses_allowed=3,
            now=now,
        )
    for number in range(plan.keys):
        living = site.residents.latest("pk")
        make_credential(living, ida, CredentialKind.CARD, f"{device.mac}{number}")
        make_face(living, ida)
    if plan.bridge:
        make_picture(device, ida)
    for _ in range(plan.events):
        make_event(device, "motion")
        make_event(device, "call_started")
    long_ago = now - timedelta(minutes=1)
    request_open(actor=person, relay=relay, channel=CommandChannel.APP, now=long_ago)
    expire_commands(now=now)


def link(ida: User, plan: Plan, site: Site) -> Site | None:
    """The second house of some accounts of ``site``; None: they have none."""
    if not plan.linked:
        return None
    second = build(ida, plan, "Cottage")
    for person in site.residents.filter(role__in=plan.linked).order_by("pk")[:2]:
        move_in(ida, second, person.user)
    if "guest" in plan.linked:
        move_in(ida, site, second.residents.get(role="master").user)
    run_jobs()
    second.refresh_from_db()
    return second


def move_in(ida: User, site: Site, user: User) -> None:
    data = PersonData(name="?", email=str(user.email), link_to=user.pk)
    added = add_family_member(actor=ida, site=site, data=data, now=utcnow())
    assert added.user == user


def linked_users(site: Site, second: Site | None) -> set[int]:
    """The accounts that live in both."""
    if second is None:
        return set()
    both = site.residents.filter(user__residents__site=second)
    return set(both.values_list("user_id", flat=True))


def columns(row: models.Model, *but: str) -> dict[str, object]:
    row.refresh_from_db()
    fields = [field.attname for field in row._meta.fields]
    return {name: getattr(row, name) for name in fields if name not in but}


def all_of(
    site: Site | None, *, but: Site | None = None
) -> dict[str, list[dict[str, object]]]:
    """Every row of every table that says which site, device or person it belongs to.

    Without what those people have in another house.
    """
    if site is None:
        return {}
    devices = list(site.devices.values_list("pk", flat=True))
    users = list(site.residents.values_list("user_id", flat=True))
    found = {"site": [columns(site)]}
    ways = {Site: [site.pk], Device: devices, User: users}
    for model in apps.get_models():
        if model is AuditEntry:
            continue
        for field in model._meta.fields:
            target = getattr(field, "related_model", None)
            if target in ways:
                rows = model._default_manager.filter(
                    **{f"{field.attname}__in": ways[target]}
                )
                if but is not None and target is User:
                    rows = rows.exclude(pk__in=_rows_at(model, but))
                key = f"{model._meta.label}.{field.name}"
                found[key] = list(rows.order_by("pk").values())
    return found


def _rows_at(model: type[models.Model], site: Site) -> list[object]:
    """The rows of a table that belong to ``site``, or to a device of it."""
    names = {field.name for field in model._meta.fields}
    found = [
        model._default_manager.filter(**{way: site.pk}).values_list("pk", flat=True)
        for name, way in (("site", "site"), ("device", "device__site"))
        if name in names
    ]
    return [pk for rows in found for pk in rows]


@contextmanager
def undone() -> Iterator[None]:
    """Whatever the example did to the database is undone."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def ida(db: None) -> User:
    return make_installer("ida")


random_houses = settings(
    max_examples=10,
    phases=(Phase.explicit, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@random_houses
@given(plan=plans)
def test_reset_keeps_what_the_row_says(ida: User, plan: Plan) -> None:
    with undone():
        site, next_door = build(ida, plan, "Ryan"), build(ida, plan, "Neighbour")
        second = link(ida, plan, site)
        master = Resident.objects.get(site=site, role="master")
        but = (*MASTER_FORGETS, "version", "session_epoch")
        kept_site = columns(site, *FORGOTTEN, *COUNTED)
        is_linked = master.user_id in linked_users(site, second)
        kept_user = columns(master.user, *but)
        rows = all_of(site)
        devices = [key for key in rows if key in KEPT_TABLES]
        granted = list(site.entitlements.filter(resident=None).order_by("pk").values())
        held = service(site.entitlements.all(), Feature.APP, utcnow())
        numbers = [sip.number for sip in sips_of(site)]
        audited = list(AuditEntry.objects.order_by("pk").values())
        mails = OutboundMessage.objects.count()
        beside, elsewhere = all_of(next_door), all_of(second, but=site)

        reset_house(actor=ida, site=site, now=utcnow())
        run_jobs()

        assert columns(site, *FORGOTTEN, *COUNTED) == kept_site
        left = site.residents.get().user
        if is_linked:
            # A fresh account in its place; he himself is compared with his other house.
            assert left != master.user
            assert left.name == master.user.name
        else:
            assert columns(left, *but) == kept_user
        after = all_of(site)
        for key in devices:
            assert after[key] == rows[key], key
        assert list(site.entitlements.order_by("pk").values()) == granted
        now_held = service(site.entitlements.all(), Feature.APP, utcnow())
        assert (now_held.state, now_held.ends_at) == (held.state, held.ends_at)
        assert [sip.number for sip in sips_of(site)] == numbers
        entries = list(AuditEntry.objects.order_by("pk").values())
        assert entries[: len(audited)] == audited
        assert len(entries) > len(audited)
        assert OutboundMessage.objects.count() == mails
        assert all_of(next_door) == beside
        assert all_of(second) == elsewhere


@random_houses
@given(plan=plans)
def test_reset_removes_what_the_row_says(ida: User, plan: Plan) -> None:
    with undone():
        site = build(ida, plan, "Ryan")
        second = link(ida, plan, site)
        master = Resident.objects.get(site=site, role="master")
        members = list(site.residents.filter(role="member"))
        linked = linked_users(site, second)
        open_sessions = AppSession.objects.filter(user__in=linked, revoked_at=None)
        sessions = list(open_sessions.order_by("pk"))
        passwords = {sip.password for sip in sips_of(site)}

        reset_house(actor=ida, site=site, now=utcnow())
        run_jobs()

        site.refresh_from_db()
        emptied = {name: getattr(site, name) for name in FORGOTTEN}
        assert emptied == dict.fromkeys(FORGOTTEN, "")
        assert site.reset_at is not None
        user = site.residents.get().user
        assert (user.email, user.phone, user.app_digest) == (None, None, "")
        assert not user.has_usable_password()
        assert not AppSession.objects.filter(user=user, revoked_at=None).exists()
        assert not PasswordLink.objects.filter(user=user, used_at=None).exists()
        assert passwords.isdisjoint(sip.password for sip in sips_of(site))
        assert list(site.residents.all()) == [master]
        assert site.residents.get().registration == RegistrationState.UNREGISTERED
        gone = {member.user_id for member in members} - linked
        assert not User.objects.filter(pk__in=gone).exists()
        assert User.objects.filter(pk__in=linked).count() == len(linked)
        assert list(open_sessions.order_by("pk")) == sessions
        assert not site.residents.filter(user__in=linked).exists()
        for model in (Credential, TempKey, LogEntry, Visit, Capture, Receipt):
            assert not model._default_manager.filter(site=site).exists(), model
        live = Credential.objects.filter(kind=CredentialKind.FACE, revoked_at=None)
        assert set(Face.objects.values_list("pk")) == set(live.values_list("pk"))
        devices = list(site.devices.values_list("pk", flat=True))
        assert not DevicePicture.objects.filter(device__in=devices).exists()
        assert not Event.objects.filter(device_id__in=devices).exists()
        # What is under way is Portico's own, to take a picture.
        left = Command.objects.filter(device__in=devices)
        assert not left.exclude(state__in=OPEN_STATES, requested_by=None).exists()


def sips_of(site: Site) -> list[SipAccount]:
    """The numbers of the family and of the master."""
    master = site.residents.get(role="master")
    found = SipAccount.objects.filter(pk__in=[site.family_sip_id, master.sip_id])
    return list(found.order_by("pk"))


@random_houses
@given(plan=plans)
def test_delete_leaves_nothing_but_the_audit_log(ida: User, plan: Plan) -> None:
    with undone():
        site, next_door = build(ida, plan, "Ryan"), build(ida, plan, "Neighbour")
        second = link(ida, plan, site)
        linked, elsewhere = linked_users(site, second), all_of(second, but=site)
        audited = AuditEntry.objects.count()
        beside, mine = all_of(next_door), all_of(site)
        users = list(site.residents.values_list("user_id", flat=True))
        macs = list(site.devices.values_list("mac", flat=True))
        sips = SipAccount.objects.count()
        numbers = 1 + len(users) + len(macs)

        delete_house(actor=ida, site=site, now=utcnow())
        run_jobs()

        assert not Site.objects.filter(pk=site.pk).exists()
        left = User.objects.filter(pk__in=users).values_list("pk", flat=True)
        assert set(left) == linked
        assert SipAccount.objects.count() == sips - numbers
        for key in mine:
            if key.endswith(".site"):
                model = apps.get_model(key.removesuffix(".site"))
                assert not model._default_manager.filter(site=site.pk).exists(), key
        assert AuditEntry.objects.count() > audited
        entry = AuditEntry.objects.get(action="site.deleted")
        assert len(entry.before["people"]) == len(users)
        assert all_of(next_door) == beside
        assert all_of(second) == elsewhere
        # The MACs are free for another house.
        other = make_site(ida)
        for mac in macs:
            data = DeviceData(kind=DeviceKind.DOOR_PHONE, name="Door")
            register_device(actor=ida, site=other, mac=mac, data=data, now=utcnow())


def test_files_go_with_the_house(ida: User) -> None:
    site = make_site(ida)
    device = make_device(site, ida)
    make_bridge(site, ida)
    make_seen(device)
    make_picture(device, ida)
    name = DevicePicture.objects.get().file
    assert default_storage.exists(name)
    with TestCase.captureOnCommitCallbacks(execute=True):
        reset_house(actor=ida, site=site, now=utcnow())
    assert not default_storage.exists(name)
    assert not DevicePicture.objects.exists()


def test_accounts_are_free_again_after_a_reset(ida: User) -> None:
    """Creating accounts in the house stays free: as many members as before (SITE-8)."""
    set_prices(additional_app=100)
    site = make_site(ida, email="ryan@example.com")
    for _ in range(3):
        make_family_member(site, ida)
    site.free_members = 4
    site.save()
    reset_house(actor=ida, site=site, now=utcnow())
    site.refresh_from_db()
    assert site.free_members == 4
    for number in range(4):
        data = PersonData(name="New", email=f"new{number}@example.com")
        add_family_member(actor=ida, site=site, data=data, now=utcnow())
    assert not Entitlement.objects.filter(feature=Feature.ADDITIONAL_APP).exists()
    # The old master's email is nobody's: somebody else may have it.
    make_site(ida, email="ryan@example.com")


def test_nobody_else_resets_or_deletes(ida: User) -> None:
    site, park = make_site(ida), make_community(ida)
    resident, stranger = site.residents.get().user, make_installer()
    for act in (reset_house, delete_house):
        for actor in (stranger, resident):
            with pytest.raises(NotVisible):
                act(actor=actor, site=site, now=utcnow())
        with pytest.raises(NotVisible):
            act(actor=ida, site=park, now=utcnow())
    assert Site.objects.count() == 2
    assert site.residents.get().user.email


def test_a_fault_in_the_middle_changes_nothing(
    ida: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(ida)
    make_family_member(site, ida)
    make_event(make_device(site, ida), "motion")
    before = all_of(site)

    def fail(**_: object) -> None:
        raise OSError("the database is away")

    monkeypatch.setattr("portico.sites.services.leaving.record", fail)
    for act in (reset_house, delete_house):
        with pytest.raises(OSError, match="away"), transaction.atomic():
            act(actor=ida, site=site, now=utcnow())
    assert all_of(site) == before
