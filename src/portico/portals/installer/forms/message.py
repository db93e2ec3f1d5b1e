"""The form of a message: its words, who receives it, and when."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portico.kernel.errors import DomainError
from portico.kernel.ids import new_id
from portico.messaging.enums import Receivers
from portico.messaging.rules import MOST_SITES
from portico.messaging.selectors import (
    chosen_sites,
    search_residents,
    visible_residents,
    visible_templates,
)
from portico.messaging.services.writing import MessageData
from portico.messaging.words import MOST_TEXT, MOST_TITLE
from portico.portals.shared.forms import StyledForm, VersionField, blame
from portico.portals.shared.lists import plain, whole_number
from portico.sites.selectors import search_sites, site_names, visible_sites

if TYPE_CHECKING:
    from portico.accounts.models import User
    from portico.messaging.models import Message, MessageTemplate

# What is found by a search and can be chosen; who finds more searches on.
FOUND = 20
_SEARCH_CHARS = 100
_WAYS = [
    ("apps", gettext_lazy("App")),
    ("monitors", gettext_lazy("Indoor monitors")),
]
_NOW, _LATER = "now", "later"
_LOCAL_TIME = "%Y-%m-%dT%H:%M"


class WordsForm(StyledForm):
    """Title and text, of a message or of a template."""

    version = VersionField()
    title = forms.CharField(
        label=gettext_lazy("Title"),
        max_length=MOST_TITLE,
        widget=forms.TextInput(attrs={"dir": "auto", "autocomplete": "off"}),
    )
    text = forms.CharField(
        label=gettext_lazy("Message"),
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"dir": "auto", "rows": 7}),
        help_text=gettext_lazy(
            "{name} and {house} become the receiver's name and house. An indoor monitor"
            " gets about the first 800 letters, the app all."
        ),
    )


class MessageForm(WordsForm):
    """MSG-1; what can be chosen depends on what was searched for."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    receivers = forms.ChoiceField(
        label=gettext_lazy("Receivers"),
        choices=Receivers.choices,
        widget=forms.RadioSelect,
    )
    sites = forms.MultipleChoiceField(
        label=gettext_lazy("Sites"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    resident = forms.ChoiceField(
        label=gettext_lazy("User"), required=False, widget=forms.RadioSelect
    )
    ways = forms.MultipleChoiceField(
        label=gettext_lazy("Shown on"),
        choices=_WAYS,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "The indoor monitors of a house are read by everybody who lives there."
        ),
        error_messages={
            "required": gettext_lazy("Choose the app, the indoor monitors, or both.")
        },
    )
    when = forms.ChoiceField(
        label=gettext_lazy("Send"),
        choices=[(_NOW, gettext_lazy("Now")), (_LATER, gettext_lazy("Later"))],
        widget=forms.RadioSelect,
    )
    send_at = forms.DateTimeField(
        label=gettext_lazy("Time"),
        required=False,
        input_formats=[_LOCAL_TIME, f"{_LOCAL_TIME}:%S"],
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local"}, format=_LOCAL_TIME
        ),
    )

    def __init__(
        self,
        *args: Any,
        sites: list[tuple[str, str]],
        people: list[tuple[str, str]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (("sites", sites), ("resident", people)):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101 -- declared so
            field.choices = choices
        zone = timezone.get_current_timezone_name()
        self.fields["send_at"].help_text = _("In your time zone, %(zone)s.") % {
            "zone": zone
        }

    def clean(self) -> dict[str, Any]:
        """Who sends later says when."""
        data: dict[str, Any] = super().clean() or {}
        is_later = data.get("when") == _LATER
        if is_later and not data.get("send_at") and "send_at" not in self.errors:
            self.add_error("send_at", _("Choose when it is sent."))
        return data

    def message_data(self) -> MessageData:
        """The cleaned form as the service takes it."""
        data = self.cleaned_data
        receivers, ways = Receivers(data["receivers"]), data["ways"]
        is_sites, is_one = receivers == Receivers.SITES, receivers == Receivers.ONE
        chosen = data["sites"] if is_sites else []
        return MessageData(
            title=data["title"],
            text=data["text"],
            receivers=receivers,
            to_apps="apps" in ways,
            to_monitors="monitors" in ways,
            site_ids=[uuid.UUID(site) for site in chosen],
            resident_id=whole_number(data["resident"]) if is_one else None,
            send_at=data["send_at"] if data["when"] == _LATER else None,
        )


class MessageDraft:
    """A message being written (``message`` is None) or changed.

    Besides sending, the form can be sent with ``act``: look for sites and people, choose
    all sites that are found, or fill in a template. It is then drawn again with what was
    typed, unchecked.
    """

    def __init__(
        self,
        data: QueryDict | None,
        *,
        actor: User,
        message: Message | None = None,
        template: str = "",
    ) -> None:
        self._actor, self._data, self._message = actor, data, message
        self.act = data.get("act", "") if data else ""
        self.find_site = self._typed("find_site")
        self.find_person = self._typed("find_person")
        self.templates = list(visible_templates(actor))
        self.template = self._template(self._typed("template") or template)
        values = self._values()
        self.form = MessageForm(
            data if data and not self.act else None,
            initial=values,
            sites=self._site_choices(values["sites"]),
            people=self._people_choices(values["resident"]),
        )

    def _typed(self, name: str) -> str:
        return plain(self._data.get(name, ""), _SEARCH_CHARS) if self._data else ""

    def _template(self, wanted: str) -> MessageTemplate | None:
        found = (one for one in self.templates if str(one.pk) == wanted)
        return next(found, None)

    def _values(self) -> dict[str, Any]:
        """What the form is drawn with, or what its choices are made for."""
        if self._data is None:
            values = self._beginning()
        else:
            data = self._data
            lists = {name: data.getlist(name) for name in ("sites", "ways")}
            values = {"resident": ""} | data.dict() | lists
        is_filled = self._data is None or self.act == "fill"
        if self.template is not None and is_filled:
            values |= {"title": self.template.title, "text": self.template.text}
        if self.act == "all_sites":
            values["sites"] = self._all_found(values["sites"])
        return values

    def _beginning(self) -> dict[str, Any]:
        message = self._message
        values: dict[str, Any] = {
            "token": new_id(),
            "receivers": Receivers.ALL,
            "sites": [],
            "resident": "",
            "ways": ["apps"],
            "when": _NOW,
        }
        if message is None:
            return values
        ways = {"apps": message.to_apps, "monitors": message.to_monitors}
        return values | {
            "version": message.version,
            "title": message.title,
            "text": message.text,
            "receivers": message.receivers,
            "sites": [str(pk) for pk in chosen_sites(message)],
            "resident": str(message.resident_id or ""),
            "ways": [way for way, is_chosen in ways.items() if is_chosen],
            "when": _LATER,
            "send_at": timezone.localtime(message.send_at).replace(second=0),
        }

    # What can be chosen: what is chosen, and what was found.

    def _all_found(self, chosen: list[str]) -> list[str]:
        found = search_sites(visible_sites(self._actor), self.find_site)
        rows = found.values_list("pk", flat=True)[: MOST_SITES + 1]
        return list(dict.fromkeys([*chosen, *map(str, rows)]))[: MOST_SITES + 1]

    def _site_choices(self, chosen: list[str]) -> list[tuple[str, str]]:
        sites = visible_sites(self._actor)
        ids = [pk for text in chosen[: MOST_SITES + 1] if (pk := _uuid(text))]
        mine = dict(site_names(sites.filter(pk__in=ids)))
        rows = search_sites(sites, self.find_site).order_by("room_name", "pk")
        keys = list(rows.values_list("pk", flat=True)[: FOUND + 1])
        self.has_more_sites = len(keys) > FOUND
        found = dict(site_names(sites.filter(pk__in=keys[:FOUND])))
        self.chosen_count = len(mine)
        return [(str(pk), name) for pk, name in (mine | found).items()]

    def _people_choices(self, chosen: str) -> list[tuple[str, str]]:
        people = visible_residents(self._actor)
        found = list(search_residents(people, self.find_person)[: FOUND + 1])
        self.has_more_people = len(found) > FOUND
        number = whole_number(chosen)
        mine = people.filter(pk=number) if number is not None else people.none()
        rows = {one.pk: one for one in [*mine, *found[:FOUND]]}
        return [(str(pk), _person(one)) for pk, one in rows.items()]

    def is_valid(self) -> bool:
        """Whether it may be handed to the service."""
        return self.form.is_bound and self.form.is_valid()

    def blame(self, error: DomainError) -> None:
        """Show what the domain refused where it belongs."""
        blame(self.form, error)

    def renew_token(self) -> None:
        """Make the next click on this form another message."""
        values = self._data.copy() if self._data else QueryDict(mutable=True)
        values["token"] = str(new_id())
        self.form.data = values


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _person(resident: Any) -> str:
    user = resident.user
    reached = user.email or user.phone or ""
    return " · ".join(part for part in (user.name, reached, str(resident.site)) if part)
