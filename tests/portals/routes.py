"""Every route of the pages, whose it is, and how it is called (ORG-5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

# Parts of addresses that are the same for everybody.
_NOBODYS = {
    "company_kind",
    "people_kind",
    "part",
    "list_name",
    "credential_kind",
    "manual_id",
    "version_id",
    "feature",
    "brand",
    "act",
}


@dataclass(frozen=True)
class Route:
    """How a route is called: by whom it is owned, with which ids, by which method."""

    owner: str
    ids: tuple[str, ...] = ()
    post: bool = False
    # Without ids of anybody: strangers of the same kind see their own, empty page.
    status: int = 200
    # Not for those of the company who do not speak for it.
    owner_only: bool = False

    @property
    def is_somebodys(self) -> bool:
        """Whether an id in the address belongs to a company."""
        return not set(self.ids) <= _NOBODYS


_SITE, _DEVICE, _COMMUNITY = ("site_id",), ("mac",), ("community_id",)
_IMPORT = ("import_id",)
_RESIDENT = ("site_id", "resident_id")
_CAMERA = ("site_id", "camera_id")
_LOCK, _ACCOUNT = ("site_id", "lock_id"), ("lock_account_id",)
_VERSION = ("version_id",)
_REMOTE = ("mac", "remote_session_id")
_CREDENTIAL = ("site_id", "resident_id", "credential_id")
_FACE = ("site_id", "resident_id", "face_id")
_KEY, _SCHEDULE = ("site_id", "key_id"), ("site_id", "schedule_id")
_COMMON = (
    "setting",
    "password",
    "notification",
    "security",
    "reauthenticate",
    "sessions",
    "notifications",
    "bell",
    "privacy",
)
# They ask first once more who it is.
_FRESH = ("totp_add", "totp_remove", "passkey_add", "recovery_codes")
# Of one's own account; another's is 404.
_OWN = {
    "passkey_edit": Route("", ("passkey_id",), status=302),
    "passkey_remove": Route("", ("passkey_id",), status=302),
    "browser_distrust": Route("", ("browser_id",), post=True, status=302),
    "session_end": Route("", ("session_id",), post=True, status=302),
}
_SUPPORT = {
    "support": Route("", owner_only=True),
    "ticket_new": Route("", owner_only=True),
    "ticket": Route("", ("ticket_id",), owner_only=True),
    "ticket_close": Route("", ("ticket_id",), post=True, status=302, owner_only=True),
    "ticket_file": Route("", ("attachment_id",), owner_only=True),
    "manuals": Route(""),
    "manual_file": Route("", ("manual_id",)),
}
_PORTALS = ("installer", "distributor", "operator")
# Property managers have their own account, and nothing of the company.
_ACCOUNTS = (*_PORTALS, "manager")
_COMPANY, _PERSON = ("company_id",), ("company_id", "member_id")
# The companies below, for those who have some.
_BELOW = {
    "companies": Route(""),
    "company_new": Route("", ("company_kind",)),
    "company": Route("", _COMPANY),
    "company_edit": Route("", _COMPANY),
    "company_delete": Route("", _COMPANY),
    "company_payment": Route("", _COMPANY, post=True, status=302),
    "company_code": Route("", _COMPANY, post=True, status=302),
    "company_access": Route("", _COMPANY, post=True, status=302),
    "company_enter": Route("", _COMPANY, post=True, status=302),
    "person_invite": Route("", _PERSON, post=True, status=302),
    "person_switch": Route("", _PERSON, post=True, status=302),
    "sites": Route(""),
    "devices": Route(""),
}
_USER, _PEOPLE = ("colleague_id",), ("people_kind",)
# The people of one's own company.
_OURS = {
    "users": Route("", owner_only=True),
    "users_of": Route("", _PEOPLE, owner_only=True),
    "user_new": Route("", _PEOPLE, owner_only=True),
    "user_edit": Route("", _USER, owner_only=True),
    "user_delete": Route("", _USER, owner_only=True),
    "user_invite": Route("", _USER, post=True, status=302, owner_only=True),
    "user_switch": Route("", _USER, post=True, status=302, owner_only=True),
}
_EXPORT = ("export_id",)
# Of who asked for it; another's is 404.
_EXPORTS = {
    "log_export": Route("", post=True, status=404),
    "exports": Route(""),
    "export_cancel": Route("", _EXPORT, post=True, status=302),
    "export_file": Route("", _EXPORT),
    "export_remove": Route("", _EXPORT, post=True, status=302),
}
ROUTES: dict[str, Route] = {
    "installer:dashboard": Route("installer"),
    "installer:latest": Route("installer"),
    "installer:sites": Route("installer"),
    "installer:site_new": Route("installer"),
    "installer:communities": Route("installer"),
    "installer:community_new": Route("installer"),
    "installer:community_edit": Route("installer", _COMMUNITY),
    "installer:community_delete": Route("installer", _COMMUNITY),
    "installer:site": Route("installer", _SITE),
    "installer:house_import_new": Route("installer"),
    "installer:house_import_template": Route("installer"),
    "installer:house_import": Route("installer", _IMPORT),
    "installer:house_import_start": Route("installer", _IMPORT, post=True, status=302),
    "installer:house_import_forget": Route("installer", _IMPORT, post=True, status=302),
    "installer:site_checklist": Route("installer", _SITE),
    "installer:site_check": Route("installer", _SITE, post=True, status=404),
    "installer:site_handover": Route("installer", _SITE),
    "installer:site_wipes": Route("installer", _SITE),
    "installer:device_cleared": Route("installer", _DEVICE, post=True, status=302),
    "installer:site_services": Route("installer", _SITE),
    "installer:site_settings": Route("installer", _SITE),
    "installer:site_reset": Route("installer", _SITE),
    "installer:site_delete": Route("installer", _SITE),
    "installer:resident_new": Route("installer", _SITE),
    "installer:resident_edit": Route("installer", _RESIDENT),
    "installer:resident_delete": Route("installer", _RESIDENT),
    "installer:resident_reset": Route("installer", _RESIDENT, post=True, status=302),
    "installer:person_access": Route("installer", _RESIDENT),
    "installer:credential_new": Route(
        "installer", ("site_id", "resident_id", "credential_kind")
    ),
    "installer:credential_revoke": Route(
        "installer", _CREDENTIAL, post=True, status=302
    ),
    "installer:credential_qr": Route("installer", _CREDENTIAL),
    "installer:credential_photo": Route("installer", _FACE),
    "installer:temp_keys": Route("installer", _SITE),
    "installer:temp_key_new": Route("installer", _SITE),
    "installer:temp_key_courier": Route("installer", _SITE, post=True, status=302),
    "installer:temp_key": Route("installer", _KEY),
    "installer:temp_key_qr": Route("installer", _KEY),
    "installer:temp_key_revoke": Route("installer", _KEY, post=True, status=302),
    "installer:schedules": Route("installer", _SITE),
    "installer:schedule_new": Route("installer", _SITE),
    "installer:schedule_edit": Route("installer", _SCHEDULE),
    "installer:schedule_delete": Route("installer", _SCHEDULE, post=True, status=302),
    "installer:device_access": Route("installer", _DEVICE),
    "installer:device_sync": Route("installer", _DEVICE, post=True, status=302),
    "installer:site_devices": Route("installer", _SITE),
    "installer:device_new": Route("installer", _SITE),
    "installer:site_cameras": Route("installer", _SITE),
    "installer:camera_new": Route("installer", _SITE),
    "installer:camera": Route("installer", _CAMERA, status=302),
    "installer:camera_picture": Route("installer", _CAMERA),
    "installer:camera_edit": Route("installer", _CAMERA),
    "installer:camera_delete": Route("installer", _CAMERA),
    "installer:site_locks": Route("installer", _SITE),
    "installer:lock_new": Route("installer", _SITE, owner_only=True),
    "installer:open_lock": Route("installer", _LOCK, post=True, status=302),
    "installer:lock_opening": Route("installer", ("opening_id",)),
    "installer:lock_guide": Route("installer", ("brand",)),
    "installer:lock_account_new": Route("installer", ("brand",), owner_only=True),
    "installer:lock_account": Route("installer", _ACCOUNT, owner_only=True),
    "installer:lock_account_edit": Route("installer", _ACCOUNT, owner_only=True),
    "installer:lock_account_delete": Route("installer", _ACCOUNT, owner_only=True),
    "installer:lock_assign": Route("installer", ("own_lock_id",), owner_only=True),
    "installer:lock_unassign": Route(
        "installer", ("own_lock_id",), post=True, status=302, owner_only=True
    ),
    "installer:site_doors": Route("installer", _SITE),
    "installer:site_bridge": Route("installer", _SITE),
    "installer:site_found": Route("installer", _SITE),
    "installer:site_look": Route("installer", _SITE, status=302),
    "installer:bridge_add": Route("installer", _SITE, post=True, status=409),
    "installer:bridge_remove": Route("installer", _SITE),
    "installer:demo_bridge": Route("installer", _SITE, post=True, status=404),
    "installer:site_log": Route("installer", _SITE),
    "installer:devices": Route("installer"),
    "installer:device": Route("installer", _DEVICE),
    "installer:device_head": Route("installer", _DEVICE),
    "installer:device_trail": Route("installer", _DEVICE),
    "installer:device_doors": Route("installer", _DEVICE),
    "installer:device_file": Route("installer", _DEVICE),
    "installer:device_reveal": Route("installer", _DEVICE, post=True),
    "installer:upgrade_new": Route("installer"),
    "installer:upgrade_wizard": Route("installer"),
    "installer:campaigns": Route("installer"),
    "installer:campaign": Route("installer", ("campaign_id",)),
    "installer:campaign_edit": Route("installer", ("campaign_id",)),
    "installer:campaign_act": Route("installer", ("campaign_id", "act")),
    "installer:upgrade_record": Route("installer", ("upgrade_id",)),
    "installer:upgrade_remove": Route("installer", ("upgrade_id",)),
    "installer:device_firmware": Route("installer", _DEVICE),
    "installer:device_filters": Route("installer"),
    "installer:device_filter_new": Route("installer"),
    "installer:device_filter_edit": Route("installer", ("filter_id",)),
    "installer:device_filter_delete": Route("installer", ("filter_id",)),
    "installer:autop": Route("installer"),
    "installer:autop_new": Route("installer"),
    "installer:autop_order": Route("installer", ("autop_order_id",)),
    "installer:autop_withdraw": Route(
        "installer", ("autop_order_id",), post=True, status=302
    ),
    "installer:device_compare": Route("installer", _DEVICE, post=True, status=302),
    "installer:device_repair": Route("installer", _DEVICE, post=True, status=302),
    "installer:device_addresses": Route("installer", _DEVICE, post=True, status=302),
    "installer:device_autop": Route("installer", _DEVICE, post=True),
    "installer:device_was_reset": Route("installer", _DEVICE, post=True, status=302),
    "installer:device_reboot": Route("installer", _DEVICE, post=True, status=302),
    "installer:device_reset": Route("installer", ("mac", "reset_kind")),
    "installer:device_buttons": Route("installer", ("mac", "push_module"), status=404),
    "installer:device_settings": Route("installer", _DEVICE),
    "installer:device_picture": Route("installer", _DEVICE),
    "installer:device_picture_file": Route("installer", _DEVICE),
    "installer:device_fetch": Route("installer", _DEVICE, post=True, status=302),
    "installer:device_events": Route("installer", _DEVICE),
    "installer:device_remote": Route("installer", _DEVICE),
    "installer:remote_control": Route("installer", _DEVICE),
    # This installation has no host name for it.
    "installer:remote_enter": Route("installer", _REMOTE, post=True, status=409),
    "installer:remote_end": Route("installer", _REMOTE, post=True, status=302),
    "installer:device_edit": Route("installer", _DEVICE),
    "installer:device_audit": Route("installer", _DEVICE),
    "installer:device_replace": Route("installer", _DEVICE),
    "installer:device_delete": Route("installer", _DEVICE),
    "installer:demo_unit": Route("installer", _DEVICE, post=True, status=404),
    "installer:demo_act": Route("installer", _DEVICE, post=True, status=404),
    "installer:demo_messages": Route("installer", _DEVICE, status=404),
    "installer:open_door": Route(
        "installer", ("mac", "kind", "number"), post=True, status=302
    ),
    "installer:command": Route("installer", ("command_id",)),
    "installer:log": Route("installer"),
    "installer:log_visit": Route("installer", ("visit_id",)),
    "installer:log_whole": Route("installer", ("visit_id",)),
    "installer:capture": Route("installer", ("signed",)),
    "installer:mac_library": Route("installer"),
    "installer:mac_remove": Route("installer", ("mac_entry_id",)),
    **{
        f"installer:{name}": Route("installer")
        for name in (
            "firmware",
            "upgrade",
            "message",
            "message_new",
            "message_templates",
            "message_template_new",
            "integration",
        )
    },
    **{
        f"installer:{name}": Route("installer", owner_only=True)
        for name in ("subscriptions", "payments", "automatic_payments")
    },
    **{
        f"installer:{name}": Route("installer", ("message_id",))
        for name in ("message_details", "message_edit", "message_delete")
    },
    **{
        f"installer:message_template_{name}": Route("installer", ("template_id",))
        for name in ("edit", "delete")
    },
    "installer:firmware_version": Route("installer", _VERSION),
    "installer:access": Route("installer", status=404, owner_only=True),
    "installer:company_setting": Route("installer", ("part",), owner_only=True),
    "installer:visit_leave": Route("installer", post=True, status=302),
    "manager:dashboard": Route("manager"),
    "manager:community": Route("manager", _COMMUNITY),
    "manager:site_devices": Route("manager", _COMMUNITY),
    "manager:site_log": Route("manager", _COMMUNITY),
    "manager:log_visit": Route("manager", ("visit_id",)),
    "manager:log_whole": Route("manager", ("visit_id",)),
    "manager:capture": Route("manager", ("signed",)),
    "manager:device": Route("manager", _DEVICE),
    "manager:device_head": Route("manager", _DEVICE),
    "manager:device_picture": Route("manager", _DEVICE),
    "manager:device_picture_file": Route("manager", _DEVICE),
    "distributor:dashboard": Route("distributor"),
    "distributor:mac_library": Route("distributor"),
    "distributor:mac_add": Route("distributor"),
    "distributor:mac_import": Route("distributor"),
    "distributor:mac_load": Route("distributor", post=True, status=302),
    "distributor:mac_template": Route("distributor"),
    "distributor:mac_remove": Route("distributor", ("mac_entry_id",)),
    "distributor:web_password": Route("distributor", _DEVICE),
    "distributor:web_password_end": Route(
        "distributor", _DEVICE, post=True, status=302
    ),
    "operator:dashboard": Route("operator"),
    "operator:health": Route("operator"),
    "operator:app_api": Route("operator"),
    "operator:prices": Route("operator"),
    "operator:site_services": Route("operator", _SITE),
    "operator:service_grant": Route("operator", ("site_id", "feature")),
    "operator:service_end": Route("operator", ("site_id", "feature")),
    "operator:dead_letters": Route("operator"),
    **{f"operator:{name}": Route("operator") for name in ("firmware", "firmware_new")},
    **{
        f"operator:firmware_{name}": Route("operator", _VERSION)
        for name in ("version", "log", "mark", "delete")
    },
    "operator:firmware_unmark": Route("operator", _VERSION, post=True, status=302),
    "operator:announcements": Route("operator"),
    "operator:announcement_new": Route("operator"),
    "operator:announcement_withdraw": Route(
        "operator", ("announcement_id",), post=True, status=302
    ),
    "operator:letter_retry": Route("operator", ("job_id",), post=True, status=302),
    "operator:letter_discard": Route("operator", ("job_id",)),
    **{
        f"{portal}:{name}": replace(route, owner=portal)
        for portal in ("distributor", "operator")
        for name, route in _BELOW.items()
    },
    **{
        f"{portal}:{name}": replace(route, owner=portal)
        for portal in _PORTALS
        for name, route in _OURS.items()
    },
    **{f"{portal}:{name}": Route(portal) for portal in _ACCOUNTS for name in _COMMON},
    **{f"{portal}:provider": Route(portal) for portal in _PORTALS},
    **{
        f"{portal}:{name}": Route(portal, status=302)
        for portal in _ACCOUNTS
        for name in _FRESH
    },
    **{
        f"{portal}:{name}": Route(portal, post=True, status=302)
        for portal in _ACCOUNTS
        for name in ("email_code", "sessions_end_others", "notices_read")
    },
    **{
        f"{portal}:notice_read": Route(portal, ("notice_id",), post=True, status=302)
        for portal in _ACCOUNTS
    },
    **{
        f"{portal}:{name}": replace(route, owner=portal)
        for portal in _PORTALS
        for name, route in _SUPPORT.items()
    },
    # The operator buys from nobody.
    "operator:ticket_new": Route("operator", status=404),
    "operator:manual_new": Route("operator"),
    "operator:manual_remove": Route("operator", ("manual_id",), post=True, status=302),
    **{f"{portal}:audit": Route(portal, owner_only=True) for portal in _PORTALS},
    **{
        f"{portal}:list_columns": Route(portal, ("list_name",), post=True, status=302)
        for portal in _ACCOUNTS
    },
    **{
        f"{portal}:{name}": replace(route, owner=portal)
        for portal in _ACCOUNTS
        for name, route in _OWN.items()
    },
    **{
        f"{portal}:{name}": replace(route, owner=portal)
        for portal in ("installer", "manager")
        for name, route in _EXPORTS.items()
    },
}
# Open to everybody; their own tests say what they show to whom.
PUBLIC = {
    "home",
    "account_login",
    "account_logout",
    "sign_in_once",
    "sign_in_code",
    "sign_in_code_again",
    "mfa_authenticate",
    "sign_in_passkey",
    "sign_in_start_over",
    "forgot",
    "password_set",
    "forgot_resident",
    "forgot_phone",
    "password_by_phone",
    "welcome_privacy",
    "welcome_provider",
    "welcome_email",
    "email_confirm",
    "visitor_key",
    "visitor_key_qr",
}
# Served by other packages, which have a matrix of their own.
ELSEWHERE = ("portico.appapi",)
