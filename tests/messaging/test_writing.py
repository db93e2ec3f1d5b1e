"""Who may write what to whom, once, and until when it can be changed."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import datetime, timedelta

import pytest

from portico.accounts.models import User
from portico.audit.models import AuditEntry
from portico.jobs.models import Job
from portico.kernel.clock import utcnow
from portico.kernel.errors import NotVisible
from portico.messaging.enums import MessageState, Receivers
from portico.messaging.errors import (
    AlreadySent,
    BadTime,
    FormUsed,
    NoResident,
    NoSites,
    NoWay,
    TitleTaken,
)
from portico.messaging.models import Message, MessageTemplate, Receipt
from portico.messaging.rules import MOST_SITES
from portico.messaging.selectors import visible_messages
from portico.messaging.services.templates import (
    add_template,
    change_template,
    delete_template,
)
from portico.messaging.services.writing import (
    MessageData,
    change_message,
    delete_message,
    write_message,
)
from portico.messaging.words import MONITOR_BYTES, filled, monitor_text
from portico.sites.models import Site
from portico.tenancy.enums import Role
from tests.accounts.parallel import at_once
from tests.factories import (
    make_community,
    make_distributor,
    make_installer,
    make_manager,
    make_message,
    make_person,
    make_site,
    make_template,
    run_jobs,
)

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

NEWS = MessageData(title="News", text="Hello", receivers=Receivers.ALL)


@pytest.fixture
def ida(db: None) -> User:
    return make_installer("ida")


@pytest.fixture
def site(ida: User) -> Site:
    return make_site(ida, "Ryan")


def write(actor: User, data: MessageData, token: uuid.UUID | None = None) -> Message:
    return write_message(
        actor=actor, data=data, token=token or uuid.uuid4(), now=utcnow()
    )


def soon(hours: int = 1) -> datetime:
    return utcnow() + timedelta(hours=hours)


def test_a_message_is_written_audited_and_ordered(ida: User) -> None:
    message = write(ida, NEWS)

    assert message.state == MessageState.SENDING
    assert message.is_of_company
    entry = AuditEntry.objects.get(action="message.written")
    assert (entry.actor_id, entry.object_name) == (ida.pk, "News")
    assert Job.objects.get(name="messaging.send").params == {
        "message_id": str(message.pk)
    }


def test_a_form_sent_twice_writes_one_message(ida: User) -> None:
    token = uuid.uuid4()
    first, second = write(ida, NEWS, token), write(ida, NEWS, token)

    assert first == second
    assert Job.objects.filter(name="messaging.send").count() == 1


def test_a_used_form_with_other_words_is_not_taken_for_a_double_click(
    ida: User, site: Site
) -> None:
    token = uuid.uuid4()
    write(ida, NEWS, token)
    others = (
        MessageData(title="Old", text="Hello", receivers=Receivers.ALL),
        MessageData(
            title="News", text="Hello", receivers=Receivers.SITES, site_ids=[site.pk]
        ),
        MessageData(
            title="News", text="Hello", receivers=Receivers.ALL, send_at=soon()
        ),
    )
    for data in others:
        with pytest.raises(FormUsed):
            write(ida, data, token)
    assert Message.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_clicks_at_one_moment_one_writes(transactional_db: None) -> None:
    ida, token = make_installer("ida"), uuid.uuid4()
    found = at_once(lambda _number: write(ida, NEWS, token), 4)

    assert Counter(type(one) for one in found) == {Message: 4}
    assert len({one.pk for one in found if isinstance(one, Message)}) == 1
    assert Job.objects.filter(name="messaging.send").count() == 1


def test_only_the_installers_own_people_write(ida: User) -> None:
    for stranger in (
        make_distributor(),
        make_manager(ida, make_community(ida)),
        make_site(ida).residents.get().user,
    ):
        with pytest.raises(NotVisible):
            write(stranger, NEWS)
        with pytest.raises(NotVisible):
            add_template(actor=stranger, title="A", text="B", now=utcnow())
        assert not visible_messages(stranger).exists()
    assert not Message.objects.exists()


def test_what_cannot_be_sent_is_refused(ida: User, site: Site) -> None:
    stranger = make_site(make_installer())
    many = [uuid.uuid4() for _ in range(MOST_SITES + 1)]

    def data(**fields: object) -> MessageData:
        known = {"title": "A", "text": "B", "receivers": Receivers.ALL}
        return MessageData(**(known | fields))  # type: ignore[arg-type]  # what it takes

    sites, one = {"receivers": Receivers.SITES}, {"receivers": Receivers.ONE}
    foreign = stranger.residents.get().pk
    for fields, error in (
        ({"send_at": utcnow() - timedelta(minutes=1)}, BadTime),
        ({"send_at": utcnow() + timedelta(days=400)}, BadTime),
        ({"to_apps": False}, NoWay),
        (sites, NoSites),
        (sites | {"site_ids": [site.pk, stranger.pk]}, NoSites),
        (sites | {"site_ids": many}, NoSites),
        (one, NoResident),
        (one | {"resident_id": foreign}, NoResident),
    ):
        with pytest.raises(error):
            write(ida, data(**fields))
    assert not Message.objects.exists()


def test_a_sub_installer_writes_to_his_sites_and_sees_his_own(
    ida: User, site: Site
) -> None:
    sub = make_person(ida, Role.SUB_INSTALLER).user
    others = make_message(ida)
    mine = write(sub, NEWS)
    chosen = MessageData(
        title="A", text="B", receivers=Receivers.SITES, site_ids=[site.pk]
    )

    assert list(visible_messages(sub)) == [mine]
    assert not mine.is_of_company
    with pytest.raises(NoSites):
        write(sub, chosen)
    with pytest.raises(NotVisible):
        delete_message(actor=sub, message=others, now=utcnow())
    assert set(visible_messages(ida)) == {mine, others}


def test_a_scheduled_message_is_changed_until_it_is_sent(ida: User, site: Site) -> None:
    message = make_message(ida, send_at=soon())
    later = soon(2)
    data = MessageData(
        title="New title",
        text="New text",
        receivers=Receivers.SITES,
        site_ids=[site.pk],
        send_at=later,
    )
    change_message(actor=ida, message=message, data=data, version=1, now=utcnow())

    message.refresh_from_db()
    assert (message.title, message.text) == ("New title", "New text")
    assert (message.send_at, message.sites.get()) == (later, site)
    entry = AuditEntry.objects.get(action="message.changed")
    assert (entry.before["title"], entry.after["sites"]) == ("News", 1)

    now_data = MessageData(title="Now", text="Now", receivers=Receivers.ALL)
    change_message(actor=ida, message=message, data=now_data, version=2, now=utcnow())
    run_jobs()
    with pytest.raises(AlreadySent):
        change_message(actor=ida, message=message, data=data, version=3, now=utcnow())
    message.refresh_from_db()
    assert (message.title, message.state) == ("Now", MessageState.SENT)


def test_a_deleted_message_is_gone_but_for_the_audit_log(ida: User, site: Site) -> None:
    scheduled = make_message(ida, "Later", send_at=soon())
    sent = make_message(ida, "Sent")
    delete_message(actor=ida, message=scheduled, now=utcnow())
    run_jobs()
    assert [one.message.title for one in Receipt.objects.all()] == ["Sent"]

    delete_message(actor=ida, message=sent, now=utcnow())
    assert not Receipt.objects.exists()
    deleted = AuditEntry.objects.filter(action="message.deleted").order_by("pk")
    assert [one.object_name for one in deleted] == ["Later", "Sent"]
    assert [one.before["receivers_were"] for one in deleted] == [0, 1]
    with pytest.raises(NotVisible):
        delete_message(actor=ida, message=sent, now=utcnow())


def test_templates_are_the_companys(ida: User) -> None:
    template = make_template(ida)
    with pytest.raises(TitleTaken):
        make_template(ida)
    make_template(make_installer())
    other = make_template(ida, "Other")
    with pytest.raises(TitleTaken):
        change_template(
            actor=ida,
            template=other,
            title="Upgrade",
            text="x",
            version=1,
            now=utcnow(),
        )
    with pytest.raises(NotVisible):
        delete_template(actor=make_installer(), template=template, now=utcnow())
    delete_template(actor=ida, template=template, now=utcnow())
    assert MessageTemplate.objects.filter(title="Upgrade").count() == 1


def test_placeholders_are_replaced_once_and_nothing_else_is() -> None:
    text = "Dear {name} of {house}: {0} {name!r} {other} %s {house}"
    assert filled(text, name="{house}", house="{name}") == (
        "Dear {house} of {name}: {0} {name!r} {other} %s {name}"
    )


def test_a_monitor_gets_what_fits_one_datagram() -> None:
    assert monitor_text("A", "B") == "A\n\nB"
    for letter in ("a", "\u05e9", "🚪"):
        cut = monitor_text("Title", letter * 2_000)
        assert MONITOR_BYTES - 8 < len(cut.encode()) <= MONITOR_BYTES
        assert cut.startswith(f"Title\n\n{letter}")
        assert set(cut[7:]) == {letter, "…"}
