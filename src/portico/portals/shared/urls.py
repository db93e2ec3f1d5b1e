"""Addresses that belong to no portal, and those that every portal has."""

from __future__ import annotations

from django.urls import URLPattern, path

from portico.portals.shared.frame import Portal
from portico.portals.shared.http import guard
from portico.portals.shared.views import (
    audit,
    companies,
    exports,
    lists,
    notices,
    pages,
    passwords,
    people,
    second_step,
    security,
    sessions,
    setting,
    sign_in,
    support,
    visitor_key,
    welcome,
)
from portico.tenancy.enums import Role

# The names of allauth are those that it looks for itself.
urlpatterns = [
    path("", sign_in.home, name="home"),
    path("sign-in/", sign_in.sign_in, name="account_login"),
    path("sign-in/once/<str:secret>/", sign_in.sign_in_once, name="sign_in_once"),
    path("sign-in/code/", second_step.email_code, name="sign_in_code"),
    path(
        "sign-in/code/again/", second_step.email_code_again, name="sign_in_code_again"
    ),
    path("sign-in/factor/", second_step.factor, name="mfa_authenticate"),
    path("sign-in/passkey/", second_step.passkey, name="sign_in_passkey"),
    path("sign-in/start-over/", second_step.start_over, name="sign_in_start_over"),
    path("sign-out/", sign_in.sign_out, name="account_logout"),
    path("password/forgot/", passwords.forgot, name="forgot"),
    path("password/set/<str:secret>/", passwords.set_password, name="password_set"),
    path("residents/password/", passwords.forgot_resident, name="forgot_resident"),
    path("residents/password/sms/", passwords.forgot_phone, name="forgot_phone"),
    path("residents/password/code/", passwords.by_phone, name="password_by_phone"),
    path("key/<str:word>/", visitor_key.visitor_key, name="visitor_key"),
    path("key/<str:word>/code.png", visitor_key.visitor_key_qr, name="visitor_key_qr"),
    path("welcome/privacy/", welcome.privacy, name="welcome_privacy"),
    path("welcome/provider/", welcome.provider, name="welcome_provider"),
    path("welcome/email/", welcome.email, name="welcome_email"),
    path("email/confirm/<str:secret>/", welcome.confirm, name="email_confirm"),
]


# Who answers for a company; a visitor's acts are in the log, he does not read it.
_ANSWERS = frozenset({Role.OWNER, Role.STAFF})


def _at_home(portal: Portal) -> frozenset[Role]:
    """Whose own account is in ``portal``; a visitor's is in his own."""
    return portal.roles - {Role.VISITOR}


def common_urls(portal: Portal) -> list[URLPattern]:
    """The pages of all that work in a company: their accounts, audit log and support."""
    only = guard(portal, roles=_at_home(portal))
    answering = guard(portal, roles=_ANSWERS)
    return [
        *account_urls(portal),
        path("setting/audit/", answering(audit.audit_log), name="audit"),
        *_support_urls(portal),
        path("privacy/provider/", only(setting.provider), name="provider"),
    ]


def account_urls(portal: Portal) -> list[URLPattern]:
    """One's own account, what one is told, and the privacy policy."""
    only, anybody = guard(portal, roles=_at_home(portal)), guard(portal)
    return [
        path("setting/", only(setting.setting), name="setting"),
        path(
            "lists/<slug:name>/columns/",
            anybody(lists.list_columns),
            name="list_columns",
        ),
        path("setting/password/", only(setting.password), name="password"),
        path("setting/notification/", only(setting.notification), name="notification"),
        *_security_urls(portal),
        path("notifications/", only(notices.notifications), name="notifications"),
        path("notifications/bell/", only(notices.bell), name="bell"),
        path("notifications/read/", only(notices.notices_read), name="notices_read"),
        path(
            "notifications/<int:notice_id>/read/",
            only(notices.notice_read),
            name="notice_read",
        ),
        path("privacy/", only(pages.privacy), name="privacy"),
    ]


def export_urls(portal: Portal) -> list[URLPattern]:
    """Files that are made in the background; they outlive a visit, so not a visitor's."""
    only, one = guard(portal, roles=_at_home(portal)), "exports/<uuid:export_id>/"
    return [
        path("log/export/", only(exports.log_export), name="log_export"),
        path("exports/", only(exports.exports), name="exports"),
        path(f"{one}cancel/", only(exports.export_cancel), name="export_cancel"),
        path(f"{one}remove/", only(exports.export_remove), name="export_remove"),
        path(f"{one}file/", only(exports.export_file), name="export_file"),
    ]


def company_urls(portal: Portal) -> list[URLPattern]:
    """The companies below, their sites and devices, and the way into their portals."""
    only = guard(portal)
    one, person = "companies/<int:company_id>/", "people/<int:member_id>/"
    return [
        path("companies/", only(companies.company_list), name="companies"),
        path(
            "companies/new/<slug:kind>/",
            only(companies.company_new),
            name="company_new",
        ),
        path(one, only(companies.company_page), name="company"),
        path(f"{one}edit/", only(companies.company_edit), name="company_edit"),
        path(f"{one}delete/", only(companies.company_delete), name="company_delete"),
        path(f"{one}payment/", only(companies.company_payment), name="company_payment"),
        path(f"{one}code/", only(companies.company_code), name="company_code"),
        path(f"{one}access/", only(companies.company_access), name="company_access"),
        path(f"{one}enter/", only(companies.company_enter), name="company_enter"),
        path(
            f"{one}{person}invite/", only(companies.person_invite), name="person_invite"
        ),
        path(
            f"{one}{person}switch/", only(companies.person_switch), name="person_switch"
        ),
        path("sites/", only(companies.site_list), name="sites"),
        path("devices/", only(companies.device_list), name="devices"),
    ]


def people_urls(portal: Portal) -> list[URLPattern]:
    """The people of one's own company, for who speaks for it."""
    only, one = guard(portal, roles={Role.OWNER}), "users/<int:member_id>/"
    return [
        path("users/", only(people.user_list), name="users"),
        path("users/<slug:kind>/", only(people.user_list), name="users_of"),
        path("users/<slug:kind>/new/", only(people.user_new), name="user_new"),
        path(f"{one}edit/", only(people.user_edit), name="user_edit"),
        path(f"{one}delete/", only(people.user_delete), name="user_delete"),
        path(f"{one}invite/", only(people.user_invite), name="user_invite"),
        path(f"{one}switch/", only(people.user_switch), name="user_switch"),
    ]


def _security_urls(portal: Portal) -> list[URLPattern]:
    """The second step of signing in, and the sessions."""
    only = guard(portal, roles=_at_home(portal))
    here, key = "setting/two-factor/", "passkeys/<int:passkey_id>/"
    return [
        path(here, only(security.security), name="security"),
        path("setting/confirm/", only(security.reauthenticate), name="reauthenticate"),
        path(f"{here}email/", only(security.email_code), name="email_code"),
        path(f"{here}app/add/", only(security.totp_add), name="totp_add"),
        path(f"{here}app/remove/", only(security.totp_remove), name="totp_remove"),
        path(f"{here}passkeys/add/", only(security.passkey_add), name="passkey_add"),
        path(f"{here}{key}", only(security.passkey_edit), name="passkey_edit"),
        path(
            f"{here}{key}remove/", only(security.passkey_remove), name="passkey_remove"
        ),
        path(f"{here}codes/", only(security.recovery_codes), name="recovery_codes"),
        path(
            f"{here}browsers/<int:browser_id>/remove/",
            only(security.browser_distrust),
            name="browser_distrust",
        ),
        path("setting/sessions/", only(sessions.sessions), name="sessions"),
        path(
            "setting/sessions/others/end/",
            only(sessions.sessions_end_others),
            name="sessions_end_others",
        ),
        path(
            "setting/sessions/<int:session_id>/end/",
            only(sessions.session_end),
            name="session_end",
        ),
    ]


def _support_urls(portal: Portal) -> list[URLPattern]:
    """Tickets for those who answer for a company, manuals for everybody."""
    only = guard(portal, roles=_at_home(portal))
    answering, here = guard(portal, roles=_ANSWERS), "support/"
    return [
        path(here, answering(support.ticket_list), name="support"),
        path(f"{here}new/", answering(support.ticket_new), name="ticket_new"),
        path(f"{here}<int:ticket_id>/", answering(support.ticket), name="ticket"),
        path(
            f"{here}<int:ticket_id>/close/",
            answering(support.ticket_close),
            name="ticket_close",
        ),
        path(
            f"{here}files/<int:attachment_id>/",
            answering(support.ticket_file),
            name="ticket_file",
        ),
        path(f"{here}manuals/", only(support.manual_list), name="manuals"),
        path(
            f"{here}manuals/<int:manual_id>/",
            only(support.manual_file),
            name="manual_file",
        ),
    ]
