"""The Integration module: brands of locks, accounts, and whose house has which (DEV-6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError, NotVisible
from portico.locks.ports import Brand, all_brands, find_brand
from portico.locks.selectors import (
    get_own_account,
    get_own_lock,
    locks_of_account,
    own_accounts,
)
from portico.locks.services.accounts import (
    add_account,
    assign_lock,
    change_account,
    order_refresh,
    remove_account,
    unassign_lock,
)
from portico.portals.installer.forms.locks import LockAccountForm
from portico.portals.installer.frame import installer_only, owner_only
from portico.portals.shared.forms import TypedNameForm, blame
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.lists import page_of, search_text
from portico.sites.enums import SiteKind
from portico.sites.selectors import get_visible_site, search_sites, visible_sites
from portico.tenancy.enums import Role

if TYPE_CHECKING:
    from portico.locks.models import LockAccount

_HOUSES_SHOWN = 20


@installer_only
def integration(request: StaffRequest) -> HttpResponse:
    is_owner = request.membership.role == Role.OWNER
    accounts = list(own_accounts(request.user)) if is_owner else []
    brands = [
        {
            "brand": brand,
            "accounts": [one for one in accounts if one.brand == brand.key],
        }
        for brand in all_brands()
    ]
    context = {"brands": brands, "is_owner": is_owner}
    return render(request, "installer/integration/list.html", context)


def _brand(key: str) -> Brand:
    brand = find_brand(key)
    if brand is None:
        raise NotVisible
    return brand


@installer_only
def lock_guide(request: StaffRequest, brand: str) -> HttpResponse:
    found = _brand(brand)
    page = f"installer/integration/guide_{found.key}.html"
    return render(request, page, {"brand": found})


@owner_only
def lock_account_new(request: StaffRequest, brand: str) -> HttpResponse:
    found = _brand(brand)
    form = LockAccountForm(request.POST or None, brand=found)
    if request.method == "POST" and form.is_valid():
        try:
            account = add_account(
                actor=request.user,
                brand=found,
                name=form.cleaned_data["name"],
                values=form.values(),
                now=utcnow(),
            )
        except DomainError as error:
            blame(form, error)
        else:
            return redirect("installer:lock_account", account.pk)
    context = {"brand": found, "form": form}
    return render(request, "installer/integration/form.html", context)


@owner_only
def lock_account(request: StaffRequest, lock_account_id: int) -> HttpResponse:
    """The account with its locks; a POST asks the vendor at once."""
    account = get_own_account(request.user, lock_account_id)
    if request.method == "POST":
        order_refresh(account=account, now=utcnow())
        messages.info(request, _("The vendor is asked for the locks."))
        return redirect("installer:lock_account", account.pk)
    context = _account_context(request, account)
    part = "_account.html" if request.htmx else "account.html"
    return render(request, f"installer/integration/{part}", context)


def _account_context(request: StaffRequest, account: LockAccount) -> dict[str, Any]:
    return {"account": account, "page": page_of(request, locks_of_account(account))}


@owner_only
def lock_account_edit(request: StaffRequest, lock_account_id: int) -> HttpResponse:
    account = get_own_account(request.user, lock_account_id)
    brand = _brand(account.brand)
    saved = account.settings | {"name": account.name}
    form = LockAccountForm(request.POST or None, brand=brand, saved=saved)
    if request.method == "POST" and form.is_valid():
        try:
            change_account(
                actor=request.user,
                account=account,
                name=form.cleaned_data["name"],
                values=form.values(),
                now=utcnow(),
            )
        except DomainError as error:
            blame(form, error)
        else:
            return redirect("installer:lock_account", account.pk)
    context = {"brand": brand, "form": form, "account": account}
    return render(request, "installer/integration/form.html", context)


@owner_only
def lock_account_delete(request: StaffRequest, lock_account_id: int) -> HttpResponse:
    account = get_own_account(request.user, lock_account_id)
    form = TypedNameForm(request.POST or None, wanted=account.name)
    if request.method == "POST" and form.is_valid():
        remove_account(actor=request.user, account=account, now=utcnow())
        messages.success(request, _("%(name)s is deleted.") % {"name": account.name})
        return redirect("installer:integration")
    context = {"account": account, "form": form}
    return render(request, "installer/integration/delete.html", context)


@owner_only
def lock_assign(request: StaffRequest, own_lock_id: int) -> HttpResponse:
    """Choose a house for a lock; houses are found by their search."""
    lock = get_own_lock(request.user, own_lock_id)
    if request.method == "POST":
        site = get_visible_site(request.user, request.POST.get("site", ""))
        try:
            assign_lock(actor=request.user, lock=lock, site=site, now=utcnow())
        except DomainError as error:
            messages.error(request, str(error))
        else:
            text = _("%(lock)s is assigned to %(site)s.")
            names = {"lock": lock.name, "site": site.room_name}
            messages.success(request, text % names)
        return redirect("installer:lock_account", lock.account_id)
    words = search_text(request)
    houses = visible_sites(request.user).filter(kind=SiteKind.SINGLE_FAMILY)
    found = search_sites(houses, words)[: _HOUSES_SHOWN + 1]
    context = {
        "lock": lock,
        "words": words,
        "sites": list(found)[:_HOUSES_SHOWN],
        "has_more": len(found) > _HOUSES_SHOWN,
    }
    return render(request, "installer/integration/assign.html", context)


@require_POST
@owner_only
def lock_unassign(request: StaffRequest, own_lock_id: int) -> HttpResponse:
    lock = get_own_lock(request.user, own_lock_id)
    unassign_lock(actor=request.user, lock=lock, now=utcnow())
    messages.success(request, _("%(name)s is in no house now.") % {"name": lock.name})
    return redirect("installer:lock_account", lock.account_id)
