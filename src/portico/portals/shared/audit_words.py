"""What an audit entry says, as a sentence about who did it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# The first word of an action: what it was done to.
SUBJECTS: dict[str, StrOrPromise] = {
    "access": _("Account access"),
    "account": _("Account"),
    "announcement": _("Announcement"),
    "bridge": _("Bridge"),
    "browser": _("Trusted browser"),
    "community": _("Community"),
    "company_settings": _("Company setting"),
    "device": _("Device"),
    "job": _("Dead letter"),
    "mac": _("MAC library"),
    "manual": _("Manual"),
    "member": _("Person"),
    "organization": _("Company"),
    "platform": _("Platform"),
    "policy": _("Privacy policy"),
    "provider_information": _("Service Provider Information"),
    "provisioning": _("Provisioning"),
    "resident": _("Resident"),
    "session": _("Session"),
    "sign_in": _("Sign-in"),
    "site": _("Site"),
    "temp_key": _("Temp key"),
    "ticket": _("Support ticket"),
}

ACTIONS: dict[str, StrOrPromise] = {
    "access.entered": _("entered the portal of %(name)s"),
    "access.granted": _("allowed the distributor to enter the portal"),
    "access.left": _("left the portal of %(name)s"),
    "access.withdrawn": _("no longer allows the distributor to enter the portal"),
    "account.changed": _("changed the account %(name)s"),
    "account.email_changed": _("changed the email of %(name)s"),
    "account.email_code_off": _("switched the sign-in code by email off"),
    "account.email_code_on": _("switched the sign-in code by email on"),
    "account.email_code_required": _("changed whether %(name)s needs a code by email"),
    "account.email_confirmed": _("confirmed the email of %(name)s"),
    "account.invited": _("sent an invitation to %(name)s"),
    "account.notification_push_switched": _("switched notifications by mail"),
    "account.password_changed": _("changed the password of %(name)s"),
    "account.recovery_codes_generated": _("made new recovery codes"),
    "account.totp_activated": _("added an authenticator app"),
    "account.totp_deactivated": _("removed the authenticator app"),
    "account.webauthn_added": _("added a passkey"),
    "account.webauthn_removed": _("removed a passkey"),
    "announcement.withdrawn": _("withdrew the announcement %(name)s"),
    "announcement.written": _("wrote the announcement %(name)s"),
    "bridge.enrolled": _("connected the bridge %(name)s"),
    "bridge.invited": _("ordered a code for the bridge %(name)s"),
    "bridge.removed": _("removed the bridge %(name)s"),
    "bridge.revoked": _("shut out the bridge %(name)s"),
    "browser.distrusted": _("no longer trusts a browser"),
    "browser.trusted": _("trusts a browser"),
    "community.changed": _("changed the community %(name)s"),
    "community.deleted": _("deleted the community %(name)s"),
    "community.registered": _("added the community %(name)s"),
    "company_settings.changed": _("changed settings of %(name)s"),
    "device.changed": _("changed the device %(name)s"),
    "device.fetch_configuration": _("let %(name)s fetch its configuration"),
    "device.registered": _("added the device %(name)s"),
    "device.removed": _("deleted the device %(name)s"),
    "device.take_picture": _("took a picture at %(name)s"),
    "job.discarded": _("discarded the job %(name)s"),
    "job.retried": _("tried the job %(name)s again"),
    "mac.added": _("added the MAC %(name)s"),
    "mac.imported": _("imported MACs"),
    "mac.removed": _("removed the MAC %(name)s"),
    "manual.removed": _("removed the manual %(name)s"),
    "manual.uploaded": _("uploaded the manual %(name)s"),
    "member.added": _("added a person: %(name)s"),
    "member.changed": _("changed a person: %(name)s"),
    "member.communities_assigned": _("changed the assigned communities: %(name)s"),
    "member.deleted": _("deleted a person: %(name)s"),
    "member.disabled": _("disabled an account: %(name)s"),
    "member.enabled": _("enabled an account: %(name)s"),
    "member.sites_assigned": _("changed the assigned sites: %(name)s"),
    "organization.access_offered_set": _("changed the account access of %(name)s"),
    "organization.changed": _("changed the company %(name)s"),
    "organization.created": _("created the company %(name)s"),
    "organization.deleted": _("deleted the company %(name)s"),
    "organization.may_pay_set": _("changed whether %(name)s may pay"),
    "organization.requires_email_code_set": _(
        "changed whether everybody of %(name)s needs a code by email"
    ),
    "platform.app_api_switched": _("switched the app API"),
    "policy.accepted": _("agreed to the privacy policy"),
    "policy.refused": _("disagreed with the privacy policy"),
    "provider_information.saved": _("saved the Service Provider Information"),
    "provisioning.revealed": _("looked at the secrets in the file of %(name)s"),
    "resident.added": _("added a family member: %(name)s"),
    "resident.changed": _("changed a resident: %(name)s"),
    "resident.deleted": _("deleted a family member: %(name)s"),
    "resident.link_sent": _("sent a link to set a password to %(name)s"),
    "session.ended": _("signed out a session"),
    "session.others_ended": _("signed out all other sessions"),
    "sign_in.app": _("signed in with an app"),
    "sign_in.one_time": _("signed in with a one-time link"),
    "sign_in.portal": _("signed in"),
    "site.registered": _("added the house %(name)s"),
    "temp_key.created": _("made the temp key %(name)s"),
    "temp_key.revoked": _("ended the temp key %(name)s"),
    "ticket.answered": _("answered the ticket %(name)s"),
    "ticket.closed": _("closed the ticket %(name)s"),
    "ticket.opened": _("opened the ticket %(name)s"),
    "ticket.reopened": _("reopened the ticket %(name)s"),
}


def action_sentence(action: str, name: str) -> str:
    """What was done, to follow the name of who did it."""
    words = ACTIONS.get(action)
    if words is None:
        return f"{action.replace('.', ' ').replace('_', ' ')}: {name}"
    return str(words) % {"name": name or "—"}
