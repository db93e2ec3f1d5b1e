"""What a portal's view receives, and who may reach it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Concatenate, ParamSpec, cast

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from portico.kernel.context import acting_in
from portico.kernel.errors import NotVisible
from portico.portals.shared.frame import Portal
from portico.portals.shared.gates import gate_page, remember_wanted
from portico.portals.shared.visitor import as_visitor, stop_visit
from portico.portals.shared.visits import keep_visit
from portico.tenancy.enums import OrganizationKind, Role
from portico.tenancy.selectors import membership_of

if TYPE_CHECKING:
    from portico.accounts.models import User
    from portico.tenancy.models import Membership, PortalVisit

P = ParamSpec("P")


class StaffRequest(HttpRequest):
    """A request of somebody who works in an organisation that the portal is for."""

    user: User
    htmx: HtmxDetails
    portal: Portal
    membership: Membership
    visit: PortalVisit | None


PortalView = Callable[Concatenate[StaffRequest, P], HttpResponse]
AnyView = Callable[Concatenate[HttpRequest, P], HttpResponse]


def is_htmx(request: HttpRequest) -> bool:
    """Whether a part of a page is asked for, rather than a page."""
    return bool(getattr(request, "htmx", False))


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """Send the browser to the sign-in page and, after it, back."""
    if is_htmx(request):
        here = cast("StaffRequest", request).htmx.current_url_abs_path or "/"
        sign_in = redirect_to_login(here, resolve_url("account_login"))
        return HttpResponseClientRedirect(sign_in.url)
    return redirect_to_login(request.get_full_path(), resolve_url("account_login"))


def to_gate(request: HttpRequest, page: str) -> HttpResponse:
    """Send the browser to what its person must do first."""
    if is_htmx(request):
        return HttpResponseClientRedirect(page)
    remember_wanted(request)
    return redirect(page)


def guard(
    portal: Portal, *only: OrganizationKind, roles: Collection[Role] = ()
) -> Callable[[PortalView[P]], AnyView[P]]:
    """Let only the staff of ``portal`` in, or of those of its kinds that are ``only``.

    Nobody signed in: the sign-in page. Anybody else, and who has none of ``roles`` (at
    first those of the portal): the page does not exist. Who has not agreed to the privacy policy or confirmed his email:
    the page where he does. A distributor who visits an installer is let in as a visitor.
    """

    kinds = frozenset(only) or portal.kinds
    roles = frozenset(roles) or portal.roles

    def decorate(view: PortalView[P]) -> AnyView[P]:
        @functools.wraps(view)
        def guarded(
            request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponse:
            user = request.user
            if not user.is_authenticated:
                return to_sign_in(request)
            page = gate_page(user)
            if page:
                return to_gate(request, page)
            with as_visitor(request, portal) as visit:
                membership = membership_of(user)
                if (
                    membership is None
                    or membership.organization.kind not in kinds
                    or membership.role not in roles
                ):
                    if visit is None and stop_visit(request):
                        messages.info(request, _("The visit has ended."))
                        return redirect("home")
                    raise NotVisible
                staff = cast("StaffRequest", request)
                staff.portal, staff.membership = portal, membership
                staff.visit = visit
                with acting_in(membership.organization_id):
                    keep_visit(request, user)
                    return view(staff, *args, **kwargs)

        return guarded

    return decorate
