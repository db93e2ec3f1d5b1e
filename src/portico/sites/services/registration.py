"""A house and its family master come into being."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import phonenumbers
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portico.accounts.enums import TimeFormat
from portico.accounts.models import User
from portico.audit.services import record
from portico.kernel.errors import NotVisible
from portico.kernel.rows import hold
from portico.sites.enums import CallMode, Feature, ResidentRole
from portico.sites.errors import BadPhone, ContactMissing, EmailTaken, PhoneTaken
from portico.sites.models import Resident, Site
from portico.sites.rules import check_plan
from portico.sites.services.assignments import assign_to_maker
from portico.sites.services.entitlements import give_if_free
from portico.sites.services.linking import held_offer, link_account
from portico.sites.services.numbering import allocate_sip_account
from portico.sites.services.residents import (
    address_changed,
    new_account,
    people_changed,
    welcome,
)
from portico.sites.services.video import VideoData, set_video
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.models import Organization
from portico.tenancy.selectors import organization_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonData:
    """Somebody who lives in a site; texts are already trimmed.

    ``phone`` is the national or international number as typed, read with ``country``
    (ISO 3166 alpha-2). ``link_to`` is the account that the site is to be linked to, by its
    id, if it is the one that has this email or number; then it stays as it is.
    """

    name: str
    email: str = ""
    country: str = ""
    phone: str = ""
    language: str = "en"
    time_format: TimeFormat = TimeFormat.HOURS_24
    link_to: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseData(PersonData):
    """What the New form of a single-family site holds, with its family master.

    An empty ``time_zone`` means the installer's, an empty ``room_name`` "<name>'s home".
    ``landlines`` are up to three numbers as typed, in the order of the form, empty where
    there is none. Video and smart home are off unless they are given.
    """

    room_name: str = ""
    address: str = ""
    call_mode: CallMode = CallMode.SIP
    time_zone: str = ""
    landlines: tuple[str, str, str] = ("", "", "")
    premium_plan: bool = False
    landline_service: bool = False
    with_indoor_monitor: bool = False
    video: VideoData | None = None
    smart_home: bool = False
    smart_home_url: str = ""


def normalize_phone(text: str, country: str, *, field: str = "phone") -> str:
    """``text`` in E.164. ``field`` is that of the form.

    :raises BadPhone: not a possible number of ``country``.
    """
    refusal = BadPhone(
        _("This is not a phone number of the chosen country."), field=field
    )
    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException:
        raise refusal from None
    if not phonenumbers.is_valid_number(number):
        raise refusal
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def check_house(
    *,
    country: str,
    landlines: tuple[str, str, str],
    premium: bool,
    landline_service: bool,
) -> dict[str, str]:
    """The columns of the landlines, in E.164, if the house may have them.

    :raises BadPhone: one is no number of the country.
    :raises PlanNeeded: they need the Premium Plan, which is not chosen.
    """
    check_plan(
        premium=premium,
        landlines=[text for text in landlines if text],
        landline_service=landline_service,
    )
    names = ("landline_1", "landline_2", "landline_3")
    return {
        name: normalize_phone(text, country, field=name) if text else ""
        for name, text in zip(names, landlines, strict=True)
    }


def house_fields(data: HouseData, organization: Organization) -> dict[str, object]:
    """The columns of a house that its form decides.

    :raises BadPhone: a landline is no number of the country.
    :raises PlanNeeded: something is chosen that the Premium Plan carries, without it.
    """
    zone = data.time_zone or organization.time_zone
    if zone not in zoneinfo.available_timezones():
        raise NotVisible
    landlines = check_house(
        country=data.country,
        landlines=data.landlines,
        premium=data.premium_plan,
        landline_service=data.landline_service,
    )
    check_plan(premium=data.premium_plan, video=data.video is not None)
    return {
        "name": data.name,
        "room_name": data.room_name or home_of(data.name),
        "country": data.country,
        "address": data.address,
        "call_mode": data.call_mode,
        "time_zone": zone,
        "language": data.language,
        "time_format": data.time_format,
        **landlines,
        "premium_plan": data.premium_plan,
        "landline_service": data.landline_service,
        "with_indoor_monitor": data.with_indoor_monitor,
        "smart_home": data.smart_home,
        "smart_home_url": data.smart_home_url,
    }


def home_of(name: str) -> str:
    """What a house is called that nobody has named; a long name is cut."""
    most = Site._meta.get_field("room_name").max_length or 0  # noqa: SLF001 -- Django's documented API
    room = _("%(name)s's home")
    return room % {"name": name[: most - len(room % {"name": ""})]}


@transaction.atomic
def register_house(
    *, actor: User, data: HouseData, tell: bool = True, now: datetime
) -> Site:
    """Create a single-family site with its family master.

    Allocates the family SIP number and the master's own; the master is unregistered, and
    what costs nothing in this installation runs from now on. He is sent a link to set his
    password, if there is a way to reach him, or told of the house if he has a password;
    not with ``tell`` False: who calls does that.

    :raises NotVisible: ``actor`` is not of an installer.
    :raises ContactMissing: neither email nor mobile number.
    :raises BadPhone: a number is not one of the country.
    :raises PlanNeeded: something is chosen that the Premium Plan carries, without it.
    :raises EmailTaken: another account has this email.
    :raises PhoneTaken: another account has this number.
    """
    organization = hold(organization_of(actor, OrganizationKind.INSTALLER))
    site = _create_site(organization, data, now)
    assign_to_maker(actor=actor, site=site, now=now)
    give_if_free(site=site, feature=Feature.APP, now=now)
    if data.premium_plan:
        give_if_free(site=site, feature=Feature.PREMIUM, now=now)
    if data.video is not None:
        set_video(actor=actor, site=site, data=data.video, now=now)
    resident = add_resident(
        actor=actor, site=site, role=ResidentRole.MASTER, data=data, now=now
    )
    address_changed(site=site)
    record(
        actor=actor,
        action="site.registered",
        subject=site,
        organization_id=organization.pk,
        site_id=site.pk,
        after={"name": site.name, "master": resident.pk},
        now=now,
    )
    if tell:
        welcome(resident=resident, now=now)
    return site


def _create_site(organization: Organization, data: HouseData, now: datetime) -> Site:
    return Site.objects.create(
        organization=organization,
        family_sip=allocate_sip_account(),
        created_at=now,
        **house_fields(data, organization),
    )


def add_resident(
    *, actor: User, site: Site, role: ResidentRole, data: PersonData, now: datetime
) -> Resident:
    """Create the account of one person of ``site``, without a password.

    Or link the site to the one that there is, if ``data`` says so. Call inside a
    transaction. :raises: as :func:`register_house`.
    """
    contact = contact_of(data)
    offer = held_offer(actor=actor, contact=contact, site=site, link_to=data.link_to)
    if offer is not None:
        return link_account(actor=actor, offer=offer, site=site, role=role, now=now)
    check_free(contact)
    try:
        with transaction.atomic():
            user = new_account(
                site=site,
                name=data.name,
                language=data.language,
                time_format=data.time_format,
                **contact,
            )
    except IntegrityError:  # somebody was quicker, just now
        check_free(contact)
        raise
    resident = Resident.objects.create(
        site=site, user=user, role=role, sip=allocate_sip_account(), created_at=now
    )
    people_changed(site=site)
    return resident


def contact_of(data: PersonData) -> dict[str, str | None]:
    """Email in lower case and number in E.164, as an account keeps them.

    :raises ContactMissing: neither of the two.
    :raises BadPhone: the number is not one of the country.
    """
    if not data.email and not data.phone:
        raise ContactMissing(_("Enter an email or a mobile number."))
    phone = normalize_phone(data.phone, data.country) if data.phone else None
    return {"email": data.email.lower() or None, "phone": phone}


def check_free(contact: Mapping[str, str | None], mine: User | None = None) -> None:
    """Whether no account but ``mine`` has this email or number.

    :raises EmailTaken: another account has the email.
    :raises PhoneTaken: another account has the number.
    """
    others = User.objects.exclude(pk=mine.pk) if mine else User.objects.all()
    email, phone = contact["email"], contact["phone"]
    if email and others.filter(email=email).exists():
        raise EmailTaken(_("Another account has this email."))
    if phone and others.filter(phone=phone).exists():
        raise PhoneTaken(_("Another account has this mobile number."))
