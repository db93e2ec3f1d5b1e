"""What a portal's view receives, and who may reach it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, cast

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from portico.kernel.errors import NotVisible
from portico.portals.shared.frame import Portal
from portico.tenancy.selectors import membership_of

if TYPE_CHECKING:
    from portico.accounts.models import User
    from portico.tenancy.enums import OrganizationKind
    from portico.tenancy.models import Membership

P = ParamSpec("P")


class StaffRequest(HttpRequest):
    """A request of somebody who works in an organisation that the portal is for."""

    user: User
    htmx: HtmxDetails
    portal: Portal
    membership: Membership


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


def guard(
    portal: Portal, *only: OrganizationKind
) -> Callable[[PortalView[P]], AnyView[P]]:
    """Let only the staff of ``portal`` in, or of those of its kinds that are ``only``.

    Nobody signed in: the sign-in page. Anybody else: the page does not exist.
    """

    kinds = frozenset(only) or portal.kinds

    def decorate(view: PortalView[P]) -> AnyView[P]:
        @functools.wraps(view)
        def guarded(
            request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponse:
            user = request.user
            if not user.is_authenticated:
                return to_sign_in(request)
            membership = membership_of(user)
            if membership is None or membership.organization.kind not in kinds:
                raise NotVisible
            staff = cast("StaffRequest", request)
            staff.portal, staff.membership = portal, membership
            return view(staff, *args, **kwargs)

        return guarded

    return decorate
