"""The relays of a device's form: as many sections as the person added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portico.devices.catalogue import UNKNOWN_RELAYS, DeviceModel, methods_for
from portico.devices.enums import AccessMethod, RelayKind
from portico.devices.rules import HOLD_SECONDS, RelayData
from portico.portals.shared.forms import StyledForm
from portico.portals.shared.lists import whole_number

# What a unit whose model is not known yet most probably has.
_USUAL_METHODS = (
    AccessMethod.PIN,
    AccessMethod.CARD,
    AccessMethod.HOMEPAGE,
    AccessMethod.TALKING_PAGE,
)
_UNKNOWN_SECURITY_RELAYS = 2
_USUAL_CODES = ("#", "1", "2", "3", "4", "5", "6", "7")


class RelayForm(StyledForm):
    """One relay; which one it is stands in two hidden fields."""

    kind = forms.ChoiceField(choices=RelayKind.choices, widget=forms.HiddenInput)
    number = forms.IntegerField(min_value=1, max_value=8, widget=forms.HiddenInput)
    name = forms.CharField(
        label=_("Relay Name"),
        max_length=63,
        error_messages={"required": _("Enter a Relay Name.")},
    )
    dtmf_code = forms.RegexField(
        r"[0-9*#]|[0-9]{2,4}",
        label=_("DTMF Code"),
        max_length=4,
        error_messages={
            "required": _("Enter a DTMF Code."),
            "invalid": _("One of 0-9 * #, or two to four digits."),
            "max_length": _("One of 0-9 * #, or two to four digits."),
        },
    )
    hold_seconds = forms.IntegerField(
        label=_("Hold delay"),
        min_value=HOLD_SECONDS.start,
        max_value=HOLD_SECONDS.stop - 1,
        initial=5,
        help_text=_("Seconds"),
    )
    access_methods = forms.MultipleChoiceField(
        label=_("Access Method"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(
        self, *args: Any, methods: Iterable[AccessMethod], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(method), method.label) for method in methods]
        field = self.fields["access_methods"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 -- for types
        field.choices = choices

    @property
    def title(self) -> str:
        """ "Relay 1", "Security Relay 1"."""
        kind = RelayKind(str(self["kind"].value()))
        return f"{kind.label} {self['number'].value()}"

    def relay_data(self) -> RelayData:
        """The cleaned section as the service takes it."""
        data = self.cleaned_data
        return RelayData(
            number=data["number"],
            kind=RelayKind(data["kind"]),
            name=data["name"],
            dtmf_code=data["dtmf_code"],
            access_methods=[AccessMethod(m) for m in data["access_methods"]],
            hold_seconds=data["hold_seconds"],
        )


Row = dict[str, Any]


class RelaySet:
    """All sections of one form.

    ``rows`` are values to show; with ``data`` the sections are bound to what was sent.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        *,
        model: DeviceModel | None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.methods = methods_for(model)
        self.forms = [
            RelayForm(data, prefix=f"relay-{index}", initial=row, methods=self.methods)
            for index, row in enumerate(rows)
        ]

    def is_valid(self) -> bool:
        """Whether every section is right by itself and no code stands twice."""
        # Every section is looked at, so that all errors show at once.
        verdicts = [form.is_valid() for form in self.forms]
        valid = all(verdicts)
        seen: set[str] = set()
        for form in self.forms:
            code = form.cleaned_data.get("dtmf_code", "")
            if code and code in seen:
                form.add_error("dtmf_code", _("Another relay has this DTMF Code."))
                valid = False
            seen.add(code)
        return valid

    @property
    def relays(self) -> list[RelayData]:
        """All sections, cleaned."""
        return [form.relay_data() for form in self.forms]

    def can_add(self, kind: RelayKind) -> bool:
        """Whether the model has another relay of ``kind``."""
        return bool(free_number(self._places(), kind, self.model))

    @property
    def can_add_relay(self) -> bool:
        return self.can_add(RelayKind.LOCAL)

    @property
    def can_add_security_relay(self) -> bool:
        return self.can_add(RelayKind.SECURITY)

    def _places(self) -> list[Row]:
        return [
            {"kind": form["kind"].value(), "number": form["number"].value()}
            for form in self.forms
        ]


def free_number(
    rows: Sequence[Row], kind: RelayKind, model: DeviceModel | None
) -> int | None:
    """The lowest number that no row of ``kind`` has; None: the model has no more."""
    if kind == RelayKind.SECURITY:
        most = model.security_relays if model else _UNKNOWN_SECURITY_RELAYS
    else:
        most = model.relays if model else UNKNOWN_RELAYS
    taken = {str(row["number"]) for row in rows if row["kind"] == kind}
    return next((n for n in range(1, most + 1) if str(n) not in taken), None)


def new_row(
    rows: Sequence[Row], kind: RelayKind, model: DeviceModel | None
) -> Row | None:
    """A further relay with sensible values; None: the model has no more."""
    number = free_number(rows, kind, model)
    if number is None:
        return None
    codes = {row.get("dtmf_code") for row in rows}
    offered = methods_for(model)
    usual = offered if model else _USUAL_METHODS
    name = _("Security door") if kind == RelayKind.SECURITY else _("Door")
    return {
        "kind": str(kind),
        "number": number,
        "name": f"{name} {number}",
        "dtmf_code": next((c for c in _USUAL_CODES if c not in codes), ""),
        "hold_seconds": 5,
        "access_methods": [str(method) for method in usual],
    }


def rows_from(data: Any) -> list[Row]:
    """The sections as they were sent, unchecked, for drawing them again."""
    count = whole_number(data.get("relay-count", "")) or 0
    rows = []
    for index in range(min(count, 8)):
        prefix = f"relay-{index}-"
        kind = data.get(f"{prefix}kind", "")
        if kind not in RelayKind.values:
            continue
        row: Row = {
            name: data.get(f"{prefix}{name}", "")
            for name in ("kind", "number", "name", "dtmf_code", "hold_seconds")
        }
        row["access_methods"] = data.getlist(f"{prefix}access_methods")
        rows.append(row)
    return rows
