"""Every receiver is reached, none twice, whatever dies in between."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portico.accounts.models import User
from portico.devices.models import Device
from portico.jobs.models import Job
from portico.kernel.clock import utcnow
from portico.messaging.enums import MessageState, ReceiptState, Receivers
from portico.messaging.models import Message, Receipt
from portico.messaging.selectors import inbox_of, receipts_of, unread_count
from portico.messaging.services import monitors, sending
from portico.messaging.services.forgetting import forget_messages_of_site
from portico.messaging.services.reading import mark_delivered, mark_read
from portico.messaging.services.writing import delete_message
from portico.sites.models import Site
from portico.sites.services.assignments import assign_sites
from portico.tenancy.enums import Role
from tests.accounts.parallel import at_once
from tests.conftest import MemoryBus
from tests.factories import (
    make_community,
    make_device,
    make_family_member,
    make_installer,
    make_message,
    make_person,
    make_seen,
    make_site,
    run_jobs,
)

pytestmark = [pytest.mark.unit, pytest.mark.django_db]


@pytest.fixture
def ida(db: None) -> User:
    return make_installer("ida")


@pytest.fixture
def site(ida: User) -> Site:
    return make_site(ida, "Ryan", room_name="Elm 1")


@pytest.fixture
def monitor(ida: User, site: Site) -> Device:
    return make_device(site, ida, model="C313", name="Kitchen")


def names(message: Message) -> list[str]:
    return sorted(receipt.name for receipt in message.receipts.all())


def test_receivers_are_those_who_are_there_when_it_is_sent(
    ida: User, site: Site
) -> None:
    make_site(make_installer(), "Stranger")
    message = make_message(ida)
    make_family_member(site, ida, "Mia")
    run_jobs()
    make_family_member(site, ida, "Late")
    run_jobs()

    message.refresh_from_db()
    assert message.state == MessageState.SENT
    assert len(names(message)) == 2
    assert "Mia" in names(message)


def test_each_reads_his_own_name_and_house(ida: User, site: Site) -> None:
    mia = make_family_member(site, ida, "Mia")
    make_message(ida, "{house}", text="Dear {name}")
    run_jobs()

    [receipt] = inbox_of([mia])
    assert (receipt.title, receipt.text) == ("Elm 1", "Dear Mia")


def test_chosen_sites_and_one_user(ida: User, site: Site, monitor: Device) -> None:
    mia = make_family_member(site, ida, "Mia")
    other = make_site(ida, "Other")
    make_device(other, ida, model="C313")
    chosen = make_message(ida, receivers=Receivers.SITES, site_ids=[other.pk])
    one = make_message(
        ida, receivers=Receivers.ONE, resident_id=mia.pk, to_monitors=True
    )
    run_jobs()

    assert [r.site_id for r in chosen.receipts.all()] == [other.pk]
    assert [(r.resident, r.device) for r in one.receipts.order_by("pk")] == [
        (mia, None),
        (None, monitor),
    ]


def test_a_receiver_who_is_gone_is_replaced_by_nobody(ida: User, site: Site) -> None:
    estate = make_community(ida)
    make_device(estate, ida, model="C313")
    mia = make_family_member(site, ida, "Mia")
    message = make_message(
        ida, receivers=Receivers.ONE, resident_id=mia.pk, to_monitors=True
    )
    mia.delete()
    run_jobs()

    message.refresh_from_db()
    assert message.state == MessageState.SENT
    assert not message.receipts.exists()


def test_a_sub_installers_goes_where_he_works_when_it_is_sent(
    ida: User, site: Site
) -> None:
    other = make_site(ida, "Other")
    member = make_person(ida, Role.SUB_INSTALLER)
    assign_sites(actor=ida, member=member, site_ids=[site.pk, other.pk], now=utcnow())
    everybody = make_message(member.user)
    chosen = make_message(
        member.user, receivers=Receivers.SITES, site_ids=[site.pk, other.pk]
    )
    assign_sites(actor=ida, member=member, site_ids=[other.pk], now=utcnow())
    run_jobs()

    for message in (everybody, chosen):
        assert [r.site_id for r in message.receipts.all()] == [other.pk]


def test_a_scheduled_message_waits_for_its_time(ida: User, site: Site) -> None:
    message = make_message(ida, send_at=utcnow() + timedelta(hours=1))
    early = utcnow()
    assert not sending.send_batch(message_id=message.pk, now=early)
    assert not Receipt.objects.exists()

    while sending.send_batch(message_id=message.pk, now=early + timedelta(hours=2)):
        pass
    assert message.receipts.count() == 1


def test_a_message_whose_job_came_too_early_is_sent_all_the_same(
    ida: User, site: Site
) -> None:
    message = make_message(ida, send_at=utcnow() + timedelta(seconds=1))
    run_jobs()  # they find nothing due, and are gone
    later = message.send_at + sending.LATE
    sending.order_late(now=later)
    sending.order_late(now=later)

    [job] = Job.objects.filter(name=sending.SEND)
    assert job.params == {"message_id": str(message.pk)}


def test_what_a_killed_worker_began_the_next_one_ends(
    ida: User, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "BATCH", 2)
    for _ in range(2):
        make_family_member(site, ida)
        make_device(site, ida, model="C313")
    make_site(ida)
    message = make_message(ida, to_monitors=True)
    assert sending.send_batch(message_id=message.pk, now=utcnow())
    assert message.receipts.count() == 2
    run_jobs()

    message.refresh_from_db()
    assert message.state == MessageState.SENT
    assert message.receipts.count() == 6
    assert len(set(message.receipts.values_list("resident", "device"))) == 6


@pytest.mark.django_db(transaction=True)
def test_of_workers_that_send_at_once_none_sends_twice(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "BATCH", 2)
    ida = make_installer()
    house = make_site(ida)
    for _ in range(4):
        make_device(house, ida, model="C313")
    message = make_message(ida, to_monitors=True)

    def work(_number: int) -> None:
        while sending.send_batch(message_id=message.pk, now=utcnow()):
            pass

    assert at_once(work, 4) == [None] * 4
    message.refresh_from_db()
    assert (message.state, message.receipts.count()) == (MessageState.SENT, 5)


def test_a_message_deleted_while_it_is_sent_reaches_nobody_else(
    ida: User, site: Site
) -> None:
    message = make_message(ida)
    sending.send_batch(message_id=message.pk, now=utcnow())
    delete_message(actor=ida, message=message, now=utcnow())

    assert not sending.send_batch(message_id=message.pk, now=utcnow())
    assert not Receipt.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_gateways_are_told_that_monitors_wait(
    transactional_db: None, bus: MemoryBus
) -> None:
    ida = make_installer()
    house = make_site(ida)
    make_message(ida)
    run_jobs()
    assert ("messages.waiting", {}) not in bus.published
    make_device(house, ida, model="C313")
    make_message(ida, to_monitors=True)
    run_jobs()
    assert ("messages.waiting", {}) in bus.published


def test_delivered_and_read_are_noted_once(ida: User, site: Site) -> None:
    mia, ben = make_family_member(site, ida), make_family_member(site, ida)
    make_message(ida)
    run_jobs()
    first, later = utcnow(), utcnow() + timedelta(minutes=1)
    [mine], [theirs] = inbox_of([mia]), inbox_of([ben])
    assert unread_count([mia]) == 1

    mark_delivered(homes=[mia], receipt_ids=[mine.pk, theirs.pk], now=first)
    mark_delivered(homes=[mia], receipt_ids=[mine.pk], now=later)
    mark_read(homes=[mia], receipt=mine, now=later)
    mark_read(homes=[mia], receipt=None, now=later + timedelta(minutes=1))
    mine.refresh_from_db()
    theirs.refresh_from_db()
    assert (mine.delivered_at, mine.read_at) == (first, later)
    assert (theirs.delivered_at, theirs.read_at) == (None, None)
    assert (unread_count([mia]), unread_count([ben])) == (0, 1)

    mark_read(homes=[ben], receipt=None, now=later)
    theirs.refresh_from_db()
    assert (theirs.delivered_at, theirs.state) == (later, ReceiptState.READ)


def test_one_gateway_sends_and_a_dead_ones_claim_ends(
    ida: User, monitor: Device
) -> None:
    make_message(ida, to_apps=False, to_monitors=True)
    run_jobs()
    now = utcnow()
    assert monitors.waiting_monitors(just_came=[], now=now) == {}
    due = monitors.waiting_monitors(just_came=[monitor.pk], now=now)
    make_seen(monitor)
    assert monitors.waiting_monitors(just_came=[], now=now) == due
    [receipt_id] = due

    def claim(name: str, seconds: int) -> int:
        at = now + timedelta(seconds=seconds)
        found = monitors.claim_receipts(receipt_ids=[receipt_id], claim=name, now=at)
        return len(found)

    assert (claim("a", 0), claim("b", 1)) == (1, 0)
    assert claim("b", 60) == 1
    receipt = Receipt.objects.get()
    assert (receipt.sent_at, receipt.state) == (now, ReceiptState.SENT)
    # What the first notes when it comes back is no longer its business.
    monitors.record_not_taken(receipt_id=receipt_id, claim="a", status=405, now=now)
    receipt.refresh_from_db()
    assert (receipt.refusal, receipt.claim) == (None, "b")

    monitors.record_taken(receipt_id=receipt_id, now=now)
    assert Receipt.objects.get().state == ReceiptState.DELIVERED
    assert claim("c", 600) == 0


@pytest.mark.parametrize("status", [0, 486, 503])
def test_a_silent_or_busy_monitor_is_asked_again(
    ida: User, monitor: Device, status: int
) -> None:
    make_seen(monitor)
    make_message(ida, to_apps=False, to_monitors=True)
    run_jobs()
    now = utcnow()
    [receipt_id] = monitors.waiting_monitors(just_came=[], now=now)
    monitors.claim_receipts(receipt_ids=[receipt_id], claim="a", now=now)
    monitors.record_not_taken(receipt_id=receipt_id, claim="a", status=status, now=now)
    later = now + monitors.TRY_AGAIN
    assert monitors.waiting_monitors(just_came=[], now=now) == {}
    assert monitors.waiting_monitors(just_came=[], now=later)

    # One that has just registered is asked at once, by one gateway.
    assert monitors.waiting_monitors(just_came=[monitor.pk], now=now)
    assert monitors.claim_receipts(receipt_ids=[receipt_id], claim="b", now=now)
    assert monitors.waiting_monitors(just_came=[monitor.pk], now=now) == {}
    assert not monitors.claim_receipts(receipt_ids=[receipt_id], claim="c", now=now)


def test_a_monitor_that_refuses_is_asked_no_more(ida: User, monitor: Device) -> None:
    make_seen(monitor)
    make_message(ida, to_apps=False, to_monitors=True)
    run_jobs()
    now = utcnow()
    [receipt_id] = monitors.waiting_monitors(just_came=[], now=now)
    monitors.claim_receipts(receipt_ids=[receipt_id], claim="a", now=now)
    monitors.record_not_taken(receipt_id=receipt_id, claim="a", status=405, now=now)

    receipt = Receipt.objects.get()
    assert (receipt.refusal, receipt.state) == (405, ReceiptState.GIVEN_UP)
    for moment in (now, now + timedelta(days=1)):
        assert not monitors.waiting_monitors(just_came=[monitor.pk], now=moment)


def test_what_no_monitor_fetches_in_a_week_is_given_up(
    ida: User, monitor: Device
) -> None:
    message = make_message(ida, to_monitors=True)
    run_jobs()
    now = utcnow()
    assert monitors.give_up_old(now=now + timedelta(days=6)) == 0
    assert monitors.give_up_old(now=now + timedelta(days=8)) == 1

    found = receipts_of(message, state=ReceiptState.GIVEN_UP)
    assert [one.device for one in found] == [monitor]
    assert receipts_of(message, state=ReceiptState.SENT).count() == 1
    assert not monitors.waiting_monitors(
        just_came=[monitor.pk], now=now + timedelta(days=8)
    )


def test_a_house_that_is_reset_forgets_what_its_people_were_told(
    ida: User, site: Site, monitor: Device
) -> None:
    mia = make_family_member(site, ida, "Mia")
    other = make_site(ida, "Other")
    everybody = make_message(ida, to_monitors=True)
    make_message(ida, "Hers", receivers=Receivers.ONE, resident_id=mia.pk)
    make_message(
        ida,
        "Later",
        receivers=Receivers.ONE,
        resident_id=mia.pk,
        send_at=utcnow() + timedelta(hours=1),
    )
    sending.send_batch(message_id=everybody.pk, now=utcnow())
    forget_messages_of_site(site=site)

    assert list(Message.objects.all()) == [everybody]
    assert [one.site_id for one in Receipt.objects.all()] == [other.pk]
