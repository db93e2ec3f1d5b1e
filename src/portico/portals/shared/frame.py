"""What a portal is: whom it is for, and which modules its left column holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import reverse

from portico.tenancy.enums import PORTAL_ROLES

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from portico.tenancy.enums import OrganizationKind, Role
    from portico.tenancy.models import Membership


@dataclass(frozen=True, slots=True)
class Module:
    """One entry of the left column.

    ``route`` is a URL name of the portal's namespace; ``also`` are further path prefixes,
    below the portal's own, whose pages belong to the module.
    """

    label: StrOrPromise
    icon: str
    route: str
    also: tuple[str, ...] = ()
    children: tuple[Module, ...] = ()
    # The letter that, after "g", goes there.
    key: str = ""
    # The kinds of organisation that have it; empty: all that the portal is for.
    kinds: frozenset[OrganizationKind] = frozenset()
    # The roles that see it; empty: all.
    roles: frozenset[Role] = frozenset()

    def is_for(self, membership: Membership) -> bool:
        """Whether this module is in the left column of that person."""
        kind, role = membership.organization.kind, membership.role
        is_of_kind = not self.kinds or kind in self.kinds
        return is_of_kind and (not self.roles or role in self.roles)


@dataclass(frozen=True, slots=True)
class Portal:
    """The pages for one kind of organisation, under one prefix and URL namespace.

    ``roles`` are those in the organisation that it is for.
    """

    namespace: str
    title: StrOrPromise
    kinds: frozenset[OrganizationKind]
    modules: tuple[Module, ...]
    closing: tuple[Module, ...]
    roles: frozenset[Role] = PORTAL_ROLES

    def url(self, route: str) -> str:
        """The address of one of this portal's pages that has no parameters."""
        return reverse(f"{self.namespace}:{route}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A module as the left column draws it."""

    label: StrOrPromise
    icon: str
    url: str
    is_here: bool
    children: Sequence[Entry] = ()
    key: str = ""


def left_column(
    portal: Portal, modules: Sequence[Module], *, path: str, membership: Membership
) -> list[Entry]:
    """Those of ``modules`` that the person has, the one of ``path`` marked."""
    home = portal.url("dashboard")
    mine = [module for module in modules if module.is_for(membership)]
    return [_entry(portal, module, path, home) for module in mine]


def _entry(portal: Portal, module: Module, path: str, home: str) -> Entry:
    url = portal.url(module.route)
    children = [
        Entry(child.label, "", portal.url(child.route), path == portal.url(child.route))
        for child in module.children
    ]
    prefixes = (url, *(home + prefix for prefix in module.also))
    # The dashboard stands at the portal's root, which every path begins with.
    is_here = path == url if url == home else path.startswith(prefixes)
    if children:  # one of them is marked instead
        is_here = False
    return Entry(module.label, module.icon, url, is_here, children, module.key)
