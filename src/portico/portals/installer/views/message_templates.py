"""Words that a company keeps for its messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portico.kernel.clock import utcnow
from portico.kernel.errors import DomainError
from portico.messaging.selectors import (
    get_visible_template,
    search_templates,
    visible_templates,
)
from portico.messaging.services.templates import (
    add_template,
    change_template,
    delete_template,
)
from portico.portals.installer.forms.message import WordsForm
from portico.portals.installer.frame import at_home_only, installer_only
from portico.portals.shared.forms import blame
from portico.portals.shared.http import StaffRequest
from portico.portals.shared.listing import Column, ListSpec, show_list
from portico.portals.shared.tables import moment

if TYPE_CHECKING:
    from portico.messaging.models import MessageTemplate

TEMPLATES: ListSpec[MessageTemplate] = ListSpec(
    name="message-templates",
    columns=(
        Column(
            key="title",
            label=gettext_lazy("Title"),
            text=lambda one: one.title,
            order=("title",),
            is_fixed=True,
        ),
        Column(key="text", label=gettext_lazy("Message"), text=lambda one: one.text),
        Column(
            key="changed",
            label=gettext_lazy("Changed"),
            text=lambda one: moment(one.changed_at),
            order=("changed_at",),
        ),
    ),
    order="title",
)


@installer_only
def template_list(request: StaffRequest) -> HttpResponse:
    asked = TEMPLATES.ask(request)
    found = search_templates(visible_templates(request.user), asked.text)
    page = "installer/messages/templates.html"
    return show_list(request, TEMPLATES, asked, found, page=page)


@at_home_only
def template_new(request: StaffRequest) -> HttpResponse:
    form = WordsForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            add_template(
                actor=request.user,
                title=data["title"],
                text=data["text"],
                now=utcnow(),
            )
        except DomainError as error:
            blame(form, error)
        else:
            messages.success(request, _("The template is there for new messages."))
            return redirect("installer:message_templates")
    return render(request, "installer/messages/template_form.html", {"form": form})


@at_home_only
def template_edit(request: StaffRequest, template_id: int) -> HttpResponse:
    template = get_visible_template(request.user, template_id)
    shown = ("title", "text", "version")
    initial = {name: getattr(template, name) for name in shown}
    form = WordsForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            change_template(
                actor=request.user,
                template=template,
                title=data["title"],
                text=data["text"],
                version=data["version"],
                now=utcnow(),
            )
        except DomainError as error:
            blame(form, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("installer:message_templates")
    context = {"form": form, "template": template}
    return render(request, "installer/messages/template_form.html", context)


@at_home_only
def template_delete(request: StaffRequest, template_id: int) -> HttpResponse:
    template = get_visible_template(request.user, template_id)
    if request.method == "POST":
        delete_template(actor=request.user, template=template, now=utcnow())
        messages.success(request, _("%(name)s is deleted.") % {"name": template.title})
        return redirect("installer:message_templates")
    context = {"template": template}
    return render(request, "installer/messages/template_delete.html", context)
