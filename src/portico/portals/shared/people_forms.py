"""The people of one's own company (ORG-1, ORG-2)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portico.portals.shared.company_forms import PersonForm
from portico.portals.shared.forms import dress
from portico.sites.enums import ManagerRight
from portico.sites.services.assignments import ManagerRights


class SubInstallerForm(PersonForm):
    """Somebody who works on some of the sites."""

    sites = forms.MultipleChoiceField(
        label=_("Assigned sites"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("He sees these sites and those that he adds himself."),
    )

    def __init__(self, *args: Any, sites: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["sites"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 -- declared so
        field.choices = sites

    def site_ids(self) -> list[uuid.UUID]:
        """The chosen sites; only after ``is_valid``."""
        return [uuid.UUID(value) for value in self.cleaned_data["sites"]]


@dataclass(frozen=True, slots=True)
class CommunityFields:
    """One community in the form: whether it is assigned, and its switches."""

    name: str
    assigned: forms.BoundField
    switches: Sequence[forms.BoundField]


class ManagerForm(PersonForm):
    """Somebody who manages communities; signs in by email.

    ``communities`` are those of the company, with their names; ``rights`` what is allowed
    where now, for those that are assigned.
    """

    password_reminder = forms.BooleanField(
        label=_("Monthly password reminder"),
        required=False,
        help_text=_("A mail once a month asks to change the password."),
    )
    email_code = forms.BooleanField(
        label=_("Two-factor sign-in by email"),
        required=False,
        help_text=_("A code from his mailbox is needed to sign in."),
    )

    def __init__(
        self,
        *args: Any,
        communities: Mapping[uuid.UUID, str],
        rights: Mapping[uuid.UUID, Mapping[str, bool]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["username"]
        self._communities = communities
        for site_id, name in communities.items():
            switches = rights.get(site_id, asdict(ManagerRights()))
            self.fields[f"community_{site_id.hex}"] = forms.BooleanField(
                label=name, required=False, initial=site_id in rights
            )
            for right in ManagerRight:
                self.fields[f"{right.value}_{site_id.hex}"] = forms.BooleanField(
                    label=str(right.label).capitalize(),
                    required=False,
                    initial=switches[right.value],
                )
        dress(self)

    def community_fields(self) -> list[CommunityFields]:
        """The fields of each community, for the page."""
        return [
            CommunityFields(
                name,
                self[f"community_{site_id.hex}"],
                [self[f"{right.value}_{site_id.hex}"] for right in ManagerRight],
            )
            for site_id, name in self._communities.items()
        ]

    def rights(self) -> dict[uuid.UUID, ManagerRights]:
        """The assigned communities with their switches; only after ``is_valid``."""
        data = self.cleaned_data
        return {
            site_id: ManagerRights(
                **{
                    right.value: data[f"{right.value}_{site_id.hex}"]
                    for right in ManagerRight
                }
            )
            for site_id in self._communities
            if data[f"community_{site_id.hex}"]
        }
