"""Forms of credentials, temp keys and schedules (LOG-1, LOG-2)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portico.access.enums import CredentialKind, Repeat, ScheduleKind
from portico.access.photos import MAX_UPLOAD_BYTES, read_photo
from portico.access.services.credentials import CredentialData
from portico.access.services.schedules import ScheduleData
from portico.access.services.temp_keys import MAX_USES, Hours
from portico.kernel.errors import DomainError
from portico.portals.shared.forms import StyledForm, VersionField

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.core.files.uploadedfile import UploadedFile

    from portico.access.models import Schedule
    from portico.access.photos import Photo
    from portico.devices.models import Relay
    from portico.sites.models import Site

# Monday first, as calendars in most of the world; the values are the units' own numbers.
DAYS = [
    ("1", _("Monday")),
    ("2", _("Tuesday")),
    ("3", _("Wednesday")),
    ("4", _("Thursday")),
    ("5", _("Friday")),
    ("6", _("Saturday")),
    ("0", _("Sunday")),
]
_QUIET = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
_HELP = {
    CredentialKind.PIN: _(
        "4 to 8 digits, not all equal, not beginning with 9. Left empty, Portico makes one"
        " up. It is shown once, after it is saved, and never again."
    ),
    CredentialKind.CARD: _(
        "As it is printed on the card, or as the device's log shows it."
    ),
    CredentialKind.NFC: _(
        "The number of the phone or tag, as the device's log shows it."
    ),
    CredentialKind.QR: _("4 to 8 digits. Left empty, Portico makes some up."),
}
_LABELS = {
    CredentialKind.PIN: _("PIN"),
    CredentialKind.CARD: _("Card number"),
    CredentialKind.NFC: _("NFC number"),
    CredentialKind.QR: _("Digits of the QR code"),
}
_MAY_BE_EMPTY = frozenset({CredentialKind.PIN, CredentialKind.QR})
_TIME = {"type": "time"}
_DAY = {"type": "date"}
_MOMENT = "%Y-%m-%dT%H:%M"


def _door_names(relays: Iterable[Relay]) -> list[tuple[int, str]]:
    return [(one.pk, f"{one.name}, {one.device.name}") for one in relays]


class CredentialForm(StyledForm):
    """One credential of one kind."""

    value = forms.CharField(max_length=31, widget=forms.TextInput(attrs=_QUIET))
    photo = forms.FileField(
        label=_("Photo"),
        required=False,
        allow_empty_file=True,
        help_text=_(
            "JPEG or PNG of at most 5 MB, 250 to 8000 pixels a side: one face, from the"
            " front."
        ),
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png"}),
    )
    label = forms.CharField(
        label=_("Label"),
        max_length=63,
        required=False,
        help_text=_("What tells it from others, for example Blue fob."),
    )
    relays = forms.TypedMultipleChoiceField(
        label=_("Doors"),
        coerce=int,
        required=False,
        help_text=_(
            "None chosen: every door of this house that opens by it, also those that are"
            " added later."
        ),
        widget=forms.CheckboxSelectMultiple,
    )
    schedule = forms.TypedChoiceField(
        label=_("Schedule"), coerce=int, empty_value=None, required=False
    )

    def __init__(
        self,
        *args: Any,
        kind: CredentialKind,
        relays: Sequence[Relay],
        schedules: Iterable[Schedule],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        self._relays = {relay.pk: relay for relay in relays}
        self._schedules = {one.pk: one for one in schedules}
        self.fields["relays"].choices = _door_names(relays)  # type: ignore[attr-defined]  # a choice field's
        always = [("", _("Always")), *((k, s.name) for k, s in self._schedules.items())]
        self.fields["schedule"].choices = always  # type: ignore[attr-defined]
        if kind in _LABELS:
            self.fields["value"].label = _LABELS[kind]
            self.fields["value"].help_text = _HELP[kind]
            self.fields["value"].required = kind not in _MAY_BE_EMPTY
        else:
            del self.fields["value"]
        if kind == CredentialKind.DYNAMIC_QR:
            del self.fields["schedule"]
        if kind != CredentialKind.FACE:
            del self.fields["photo"]

    def clean_photo(self) -> Photo:
        upload: UploadedFile[bytes] | None = self.cleaned_data["photo"]
        # No further than where it is too much anyway.
        raw = b"" if upload is None else upload.read(MAX_UPLOAD_BYTES + 1)
        try:
            return read_photo(raw)
        except DomainError as error:
            raise forms.ValidationError(str(error)) from None

    def credential_data(self) -> CredentialData:
        """The cleaned form as the services take it."""
        data = self.cleaned_data
        return CredentialData(
            kind=self.kind,
            value=data.get("value", ""),
            label=data["label"],
            relays=[self._relays[pk] for pk in data["relays"]],
            schedule=self._schedules.get(data.get("schedule") or 0),
            photo=data.get("photo"),
        )


class HoursForm(StyledForm):
    """Days and hours, of a schedule or of a key that repeats."""

    days = forms.MultipleChoiceField(
        label=_("Days"),
        choices=DAYS,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    time_from = forms.TimeField(
        label=_("From"), required=False, widget=forms.TimeInput(attrs=_TIME)
    )
    time_until = forms.TimeField(
        label=_("Until"),
        required=False,
        widget=forms.TimeInput(attrs=_TIME),
        help_text=_("Both empty: the whole day."),
    )


class ScheduleForm(HoursForm):
    """A schedule; without ``initial`` it is the New form."""

    version = VersionField()
    name = forms.CharField(label=_("Name"), max_length=63)
    kind = forms.ChoiceField(
        label=_("Mode"),
        choices=ScheduleKind.choices,
        initial=ScheduleKind.WEEKLY,
        widget=forms.RadioSelect,
    )
    date_from = forms.DateField(
        label=_("First day"), required=False, widget=forms.DateInput(attrs=_DAY)
    )
    date_until = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=forms.DateInput(attrs=_DAY),
        help_text=_("Of a date range."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["days"].help_text = _("Of a weekly schedule.")

    def schedule_data(self) -> ScheduleData:
        """The cleaned form as the services take it."""
        data = self.cleaned_data
        return ScheduleData(
            name=data["name"],
            kind=ScheduleKind(data["kind"]),
            days="".join(data["days"]),
            time_from=data["time_from"],
            time_until=data["time_until"],
            date_from=data["date_from"],
            date_until=data["date_until"],
        )


def initial_schedule(schedule: Schedule) -> dict[str, Any]:
    """What the form of this schedule begins with."""
    times, dates = ("time_from", "time_until"), ("date_from", "date_until")
    names = ("version", "name", "kind", *times, *dates)
    found = {name: getattr(schedule, name) for name in names}
    for name in times:
        found[name] = found[name].strftime("%H:%M") if found[name] else None
    for name in dates:
        found[name] = found[name].isoformat() if found[name] else None
    return found | {"days": list(schedule.days)}


class VisitorKeyForm(HoursForm):
    """A key for a visitor."""

    name = forms.CharField(label=_("Name"), max_length=63)
    repeat = forms.ChoiceField(
        label=_("Repeat mode"),
        choices=Repeat.choices,
        initial=Repeat.NEVER,
        widget=forms.RadioSelect,
    )
    starts_at = forms.DateTimeField(
        label=_("Valid from"),
        input_formats=[_MOMENT],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=_MOMENT),
    )
    ends_at = forms.DateTimeField(
        label=_("Valid until"),
        input_formats=[_MOMENT],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=_MOMENT),
        help_text=_("In the time of the house."),
    )
    uses_allowed = forms.IntegerField(
        label=_("Uses per door"),
        required=False,
        min_value=1,
        max_value=MAX_USES,
        initial=1,
        help_text=_(
            "Counted by the bridge of the house. Empty, for a key that repeats: as often"
            " as wanted; then the devices know the key, too."
        ),
    )
    relays = forms.TypedMultipleChoiceField(
        label=_("Doors"), coerce=int, widget=forms.CheckboxSelectMultiple
    )
    is_dynamic = forms.BooleanField(
        label=_("Dynamic QR Code"),
        required=False,
        help_text=_(
            "In place of the PIN: a page for the visitor whose QR code is another one"
            " every 30 seconds, so that a copy is worth nothing. Part of the Premium"
            " Plan, for doors that read QR codes."
        ),
    )

    def __init__(
        self, *args: Any, site: Site, relays: Sequence[Relay], **kwargs: Any
    ) -> None:
        self._zone = ZoneInfo(site.time_zone)
        here = timezone.now().astimezone(self._zone).replace(second=0, microsecond=0)
        kwargs["initial"] = {
            "starts_at": here.strftime(_MOMENT),
            "ends_at": (here + timedelta(days=1)).strftime(_MOMENT),
        }
        super().__init__(*args, **kwargs)
        self._relays = {relay.pk: relay for relay in relays}
        self.fields["relays"].choices = _door_names(relays)  # type: ignore[attr-defined]  # a choice field's

    def key_data(self) -> dict[str, Any]:
        """The cleaned form as the service takes it."""
        data = self.cleaned_data
        return {
            "name": data["name"],
            "relays": [self._relays[pk] for pk in data["relays"]],
            "starts_at": self._here(data["starts_at"]),
            "ends_at": self._here(data["ends_at"]),
            "uses_allowed": data["uses_allowed"],
            "is_per_door": data["uses_allowed"] is not None,
            "is_dynamic": data["is_dynamic"],
            "hours": Hours(
                repeat=Repeat(data["repeat"]),
                days="".join(data["days"]),
                time_from=data["time_from"],
                time_until=data["time_until"],
            ),
        }

    def _here(self, moment: datetime) -> datetime:
        """What was typed, as a moment at the house; the viewer may be elsewhere."""
        plain = timezone.make_naive(moment, timezone.get_current_timezone())
        return plain.replace(tzinfo=self._zone)
