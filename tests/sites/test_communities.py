"""Communities and who manages them, at the services (ORG-2)."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.devices.selectors import (
    managed_devices,
    visible_commands,
    visible_devices,
    visible_mac_entries,
)
from portico.events.models import LogEntry
from portico.events.selectors import managed_log, visible_log
from portico.kernel.clock import utcnow
from portico.kernel.errors import NotPermitted, NotVisible
from portico.sites.enums import ManagerRight, SiteKind
from portico.sites.errors import StillInUse
from portico.sites.models import ManagedCommunity, Site
from portico.sites.selectors import managed_communities, visible_sites
from portico.sites.services.assignments import (
    ManagerRights,
    assign_communities,
    assign_sites,
)
from portico.sites.services.communities import (
    CommunityData,
    change_community,
    delete_community,
    register_community,
)
from portico.tenancy.enums import Role
from tests.factories import (
    make_bridge,
    make_community,
    make_device,
    make_event,
    make_installer,
    make_manager,
    make_person,
    make_site,
    run_jobs,
)

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture
def installer(db: None) -> User:
    return make_installer("ida")


def latest(action: str) -> AuditEntry:
    return AuditEntry.objects.filter(action=action).latest("pk")


def test_a_community_has_no_family_no_people_and_no_service(installer: User) -> None:
    data = CommunityData(name="Park", country="DE", address="Parkallee 1")
    site = register_community(actor=installer, data=data, now=utcnow())
    site.refresh_from_db()
    assert (site.kind, site.name, site.room_name) == ("community", "Park", "Park")
    assert (site.country, site.address) == ("DE", "Parkallee 1")
    assert site.time_zone == "Europe/Berlin"  # the company's
    assert site.family_sip is None
    assert not site.residents.exists()
    assert not site.entitlements.exists()
    assert latest("community.registered").after["address"] == "Parkallee 1"


def test_houses_alone_have_a_family_number(installer: User) -> None:
    house = make_site(installer)
    for change in ({"kind": SiteKind.COMMUNITY}, {"family_sip": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Site.objects.filter(pk=house.pk).update(**change)


def test_a_change_reaches_the_units_and_the_audit_log(installer: User) -> None:
    site = make_community(installer, "Park", time_zone="Europe/Berlin")
    device = make_device(site, installer, name="Gate")
    run_jobs()
    assert "SNTP.Name = Berlin" in device.provisioning_file.body
    data = CommunityData(name="Park", time_zone="Asia/Tokyo")
    change_community(actor=installer, site=site, data=data, version=1, now=utcnow())
    run_jobs()
    device.provisioning_file.refresh_from_db()
    assert "SNTP.Name = Tokyo" in device.provisioning_file.body
    entry = latest("community.changed")
    assert entry.before["time_zone"] == "Europe/Berlin"
    assert entry.after["time_zone"] == "Asia/Tokyo"
    change_community(actor=installer, site=site, data=data, version=2, now=utcnow())
    assert AuditEntry.objects.filter(action="community.changed").count() == 1


def test_only_an_empty_community_is_deleted_with_its_log_and_managers(
    installer: User,
) -> None:
    site = make_community(installer, "Park")
    manager = make_manager(installer, site)
    device, bridge = make_device(site, installer), make_bridge(site, installer)
    make_event(device, "motion")
    with pytest.raises(StillInUse, match="still has devices"):
        delete_community(actor=installer, site=site, now=utcnow())
    device.delete()
    with pytest.raises(StillInUse, match="still has a bridge"):
        delete_community(actor=installer, site=site, now=utcnow())
    assert LogEntry.objects.count() == 1
    assert managed_communities(manager).get() == site

    bridge.revoked_at = utcnow()
    bridge.save()
    delete_community(actor=installer, site=site, now=utcnow())
    assert not Site.objects.exists()
    assert not LogEntry.objects.exists()
    assert not ManagedCommunity.objects.exists()
    assert User.objects.filter(pk=manager.pk).exists()
    assert latest("community.deleted").before["managers"] == [str(manager)]


def test_foreigners_managers_and_houses_are_refused(installer: User) -> None:
    site, house = make_community(installer, "Park"), make_site(installer)
    manager = make_manager(installer, site)
    stranger = make_installer()
    data = CommunityData(name="Mine now")
    for actor in (stranger, manager):
        with pytest.raises(NotVisible):
            change_community(actor=actor, site=site, data=data, version=1, now=utcnow())
        with pytest.raises(NotVisible):
            delete_community(actor=actor, site=site, now=utcnow())
    with pytest.raises(NotVisible):
        register_community(actor=manager, data=data, now=utcnow())
    with pytest.raises(NotVisible):
        change_community(
            actor=installer, site=house, data=data, version=1, now=utcnow()
        )
    with pytest.raises(NotVisible):
        delete_community(actor=installer, site=house, now=utcnow())
    assert set(Site.objects.values_list("name", flat=True)) == {"Park", house.name}


def test_what_a_manager_may_is_kept_with_before_and_after(installer: User) -> None:
    park, lake = make_community(installer), make_community(installer)
    member = make_person(installer, Role.MANAGER)

    def assign(**rights: ManagerRights) -> None:
        sites = {"park": park.pk, "lake": lake.pk}
        wanted = {sites[name]: one for name, one in rights.items()}
        assign_communities(actor=installer, member=member, rights=wanted, now=utcnow())

    assign(park=ManagerRights())
    row = ManagedCommunity.objects.get()
    assert (row.site, row.user) == (park, member.user)
    assert (row.may_delete_residents, row.may_see_logs, row.may_see_images) == (
        True,
        True,
        True,
    )
    assign(park=ManagerRights(may_see_logs=False), lake=ManagerRights())
    entry = latest("member.communities_assigned")
    assert entry.before["communities"][str(park.pk)]["may_see_logs"] is True
    assert entry.after["communities"][str(park.pk)]["may_see_logs"] is False
    assert set(entry.after["communities"]) == {str(park.pk), str(lake.pk)}
    assert set(managed_communities(member.user)) == {park, lake}
    seen = managed_communities(member.user, may=ManagerRight.SEE_LOGS)
    assert set(seen) == {lake}

    count = AuditEntry.objects.count()
    assign(park=ManagerRights(may_see_logs=False), lake=ManagerRights())
    assert AuditEntry.objects.count() == count
    assign(lake=ManagerRights())
    assert set(managed_communities(member.user)) == {lake}


def test_only_own_communities_go_to_own_managers_by_the_owner(installer: User) -> None:
    site, house = make_community(installer), make_site(installer)
    other = make_installer()
    foreign = make_community(other)
    member = make_person(installer, Role.MANAGER)
    sub = make_person(installer, Role.SUB_INSTALLER)
    assign_sites(actor=installer, member=sub, site_ids=[site.pk], now=utcnow())
    cases = [
        (installer, member, house),
        (installer, member, foreign),
        (installer, sub, site),
        (installer, make_person(other, Role.MANAGER), site),
        (other, member, foreign),
        (member.user, member, site),
    ]
    for actor, who, what in cases:
        rights = {what.pk: ManagerRights()}
        with pytest.raises(NotVisible):
            assign_communities(actor=actor, member=who, rights=rights, now=utcnow())
    rights = {site.pk: ManagerRights()}
    with pytest.raises(NotPermitted):
        assign_communities(actor=sub.user, member=member, rights=rights, now=utcnow())
    assert not ManagedCommunity.objects.exists()


def test_an_installers_selectors_give_a_manager_nothing(installer: User) -> None:
    """Every order and every edit begins at one of these, so that he can give none."""
    site, house = make_community(installer), make_site(installer)
    device = make_device(site, installer)
    make_event(device, "motion")
    make_event(make_device(house, installer), "motion")
    manager = make_manager(installer, site)
    for rows in (visible_sites, visible_devices, visible_commands, visible_log):
        assert not rows(manager).exists()
    assert visible_mac_entries(installer).exists()
    assert not visible_mac_entries(manager).exists()
    assert list(managed_devices(manager)) == [device]
    assert [entry.device for entry in managed_log(manager)] == [device]
    for nobody in (installer, make_person(installer, Role.SUB_INSTALLER).user):
        assert not managed_communities(nobody).exists()
        assert not managed_log(nobody).exists()


def test_a_manager_who_is_disabled_or_has_another_place_manages_nothing(
    installer: User,
) -> None:
    site = make_community(installer)
    manager = make_manager(installer, site)
    User.objects.filter(pk=manager.pk).update(is_active=False)
    assert not managed_communities(manager).exists()
    User.objects.filter(pk=manager.pk).update(is_active=True)
    assert managed_communities(manager).exists()
    manager.membership.role = Role.SUB_INSTALLER
    manager.membership.save()
    assert not managed_communities(manager).exists()


def test_a_sub_installer_works_on_communities_like_on_houses(installer: User) -> None:
    site = make_community(installer)
    sub = make_person(installer, Role.SUB_INSTALLER)
    assert not visible_sites(sub.user).exists()
    assign_sites(actor=installer, member=sub, site_ids=[site.pk], now=utcnow())
    own = make_community(sub.user)
    assert set(visible_sites(sub.user)) == {site, own}
