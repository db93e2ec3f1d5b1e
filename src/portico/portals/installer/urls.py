from __future__ import annotations

from django.urls import path

from portico.portals.installer.frame import INSTALLER
from portico.portals.installer.views import (
    autop,
    bridge,
    buttons,
    cameras,
    campaigns,
    commissioning,
    communities,
    company,
    credentials,
    dashboard,
    demo,
    device_access,
    device_audit,
    device_firmware,
    device_page,
    device_settings,
    devices,
    doors,
    firmware,
    house_import,
    houses,
    integration,
    later,
    locks,
    log,
    mac_library,
    maintenance,
    message_templates,
    messages,
    orders,
    remote,
    replacing,
    residents,
    saved_filters,
    sites,
    temp_keys,
    upgrade_forms,
    upgrades,
)
from portico.portals.shared.urls import common_urls, export_urls, people_urls

app_name = "installer"

_SITE, _COMMUNITY = "sites/<uuid:site_id>/", "sites/communities/<uuid:site_id>/"
_IMPORT = "sites/import/<uuid:import_id>/"
_RESIDENT = f"{_SITE}people/<int:resident_id>/"
_ACCESS = f"{_RESIDENT}access/"
_CREDENTIAL = f"{_ACCESS}<int:credential_id>/"
_KEY, _SCHEDULE = f"{_SITE}keys/<int:key_id>/", f"{_SITE}schedules/<int:schedule_id>/"
_DEVICE = "devices/<slug:mac>/"
_AUTOP = "devices/autop/<uuid:order_id>/"
_FILTER = "devices/filters/<int:filter_id>/"
_CAMPAIGN = "upgrade/<uuid:campaign_id>/"
_UPGRADE = "upgrade/records/<int:upgrade_id>/"
_REMOTE = f"{_DEVICE}remote/<uuid:session_id>/"
_CAMERA = f"{_SITE}cameras/<int:camera_id>/"
_LOCK = f"{_SITE}locks/<int:lock_id>/"
_LOCK_ACCOUNT = "integration/accounts/<int:lock_account_id>/"
_MESSAGE = "message/<uuid:message_id>/"
_TEMPLATE = "message/templates/<int:template_id>/"

urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("latest/", dashboard.latest, name="latest"),
    path("sites/", sites.site_list, name="sites"),
    path("sites/new/", houses.site_new, name="site_new"),
    path("sites/import/", house_import.import_new, name="house_import_new"),
    path(
        "sites/import/template.csv",
        house_import.import_template,
        name="house_import_template",
    ),
    path(_IMPORT, house_import.house_import, name="house_import"),
    path(f"{_IMPORT}start/", house_import.import_start, name="house_import_start"),
    path(f"{_IMPORT}forget/", house_import.import_forget, name="house_import_forget"),
    path("sites/communities/", communities.community_list, name="communities"),
    path("sites/communities/new/", communities.community_new, name="community_new"),
    path(f"{_COMMUNITY}edit/", communities.community_edit, name="community_edit"),
    path(f"{_COMMUNITY}delete/", communities.community_delete, name="community_delete"),
    path(_SITE, sites.site_people, name="site"),
    path(f"{_SITE}settings/", houses.site_settings, name="site_settings"),
    path(f"{_SITE}services/", sites.site_services, name="site_services"),
    path(f"{_SITE}reset/", houses.site_reset, name="site_reset"),
    path(f"{_SITE}delete/", houses.site_delete, name="site_delete"),
    path(f"{_SITE}people/new/", residents.resident_new, name="resident_new"),
    path(f"{_RESIDENT}edit/", residents.resident_edit, name="resident_edit"),
    path(f"{_RESIDENT}delete/", residents.resident_delete, name="resident_delete"),
    path(f"{_RESIDENT}reset/", residents.resident_reset, name="resident_reset"),
    path(_ACCESS, credentials.person_access, name="person_access"),
    path(
        f"{_ACCESS}new/<slug:kind>/",
        credentials.credential_new,
        name="credential_new",
    ),
    path(
        f"{_CREDENTIAL}revoke/",
        credentials.credential_revoke,
        name="credential_revoke",
    ),
    path(f"{_CREDENTIAL}code.png", credentials.credential_qr, name="credential_qr"),
    path(
        f"{_CREDENTIAL}photo.jpg",
        credentials.credential_photo,
        name="credential_photo",
    ),
    path(f"{_SITE}keys/", temp_keys.key_list, name="temp_keys"),
    path(f"{_SITE}keys/new/", temp_keys.key_new, name="temp_key_new"),
    path(f"{_SITE}keys/courier/", temp_keys.key_courier, name="temp_key_courier"),
    path(_KEY, temp_keys.key_details, name="temp_key"),
    path(f"{_KEY}qr.png", temp_keys.key_qr, name="temp_key_qr"),
    path(f"{_KEY}revoke/", temp_keys.key_revoke, name="temp_key_revoke"),
    path(f"{_SITE}schedules/", temp_keys.schedule_list, name="schedules"),
    path(f"{_SITE}schedules/new/", temp_keys.schedule_new, name="schedule_new"),
    path(f"{_SCHEDULE}edit/", temp_keys.schedule_edit, name="schedule_edit"),
    path(f"{_SCHEDULE}delete/", temp_keys.schedule_delete, name="schedule_delete"),
    path(f"{_SITE}devices/", sites.site_devices, name="site_devices"),
    path(f"{_SITE}devices/new/", devices.device_new, name="device_new"),
    path(f"{_SITE}cameras/", cameras.camera_list, name="site_cameras"),
    path(f"{_SITE}cameras/new/", cameras.camera_new, name="camera_new"),
    path(_CAMERA, cameras.camera, name="camera"),
    path(f"{_CAMERA}newest.jpg", cameras.camera_picture, name="camera_picture"),
    path(f"{_CAMERA}edit/", cameras.camera_edit, name="camera_edit"),
    path(f"{_CAMERA}delete/", cameras.camera_delete, name="camera_delete"),
    path(f"{_SITE}locks/", locks.lock_list, name="site_locks"),
    path(f"{_SITE}locks/new/", locks.lock_new, name="lock_new"),
    path(f"{_LOCK}open/", locks.open_lock, name="open_lock"),
    path("openings/<uuid:opening_id>/", locks.opening_life, name="lock_opening"),
    path(f"{_SITE}doors/", doors.site_doors, name="site_doors"),
    path(f"{_SITE}bridge/", bridge.site_bridge, name="site_bridge"),
    path(f"{_SITE}checklist/", commissioning.site_checklist, name="site_checklist"),
    path(f"{_SITE}check/", commissioning.site_check, name="site_check"),
    path(f"{_SITE}hand-over.pdf", commissioning.site_handover, name="site_handover"),
    path(f"{_SITE}wipes/", sites.site_wipes, name="site_wipes"),
    path(f"{_SITE}found/", bridge.site_found, name="site_found"),
    path(f"{_SITE}look/", bridge.site_look, name="site_look"),
    path(f"{_SITE}bridge/add/", bridge.bridge_add, name="bridge_add"),
    path(f"{_SITE}bridge/remove/", bridge.bridge_remove, name="bridge_remove"),
    path(f"{_SITE}bridge/virtual/", demo.start_bridge, name="demo_bridge"),
    path(f"{_SITE}log/", log.site_log, name="site_log"),
    path("devices/", devices.device_list, name="devices"),
    path("devices/filters/", saved_filters.filter_list, name="device_filters"),
    path("devices/filters/new/", saved_filters.filter_new, name="device_filter_new"),
    path(f"{_FILTER}edit/", saved_filters.filter_edit, name="device_filter_edit"),
    path(f"{_FILTER}delete/", saved_filters.filter_delete, name="device_filter_delete"),
    path("devices/autop/", autop.autop_list, name="autop"),
    path("devices/autop/new/", autop.autop_new, name="autop_new"),
    path(_AUTOP, autop.autop_order, name="autop_order"),
    path(f"{_AUTOP}withdraw/", autop.autop_withdraw, name="autop_withdraw"),
    path(_DEVICE, device_page.overview, name="device"),
    path(f"{_DEVICE}head/", device_page.head, name="device_head"),
    path(f"{_DEVICE}trail/", device_page.trail, name="device_trail"),
    path(f"{_DEVICE}picture/", orders.picture, name="device_picture"),
    path(
        f"{_DEVICE}picture/newest.jpg",
        orders.picture_content,
        name="device_picture_file",
    ),
    path(f"{_DEVICE}doors/", device_page.doors, name="device_doors"),
    path(f"{_DEVICE}provisioning/", device_page.provisioning, name="device_file"),
    path(f"{_DEVICE}provisioning/reveal/", device_page.reveal, name="device_reveal"),
    path(f"{_DEVICE}provisioning/compare/", orders.compare, name="device_compare"),
    path(f"{_DEVICE}provisioning/repair/", orders.repair, name="device_repair"),
    path(f"{_DEVICE}provisioning/fetch/", orders.fetch, name="device_fetch"),
    path(
        f"{_DEVICE}provisioning/addresses/",
        device_page.renew_addresses,
        name="device_addresses",
    ),
    path(f"{_DEVICE}provisioning/commands/", autop.device_autop, name="device_autop"),
    path(
        f"{_DEVICE}provisioning/was-reset/",
        autop.device_was_reset,
        name="device_was_reset",
    ),
    path(f"{_DEVICE}access/", device_access.device_access, name="device_access"),
    path(f"{_DEVICE}access/sync/", device_access.device_sync, name="device_sync"),
    path(
        f"{_DEVICE}firmware/", device_firmware.device_firmware, name="device_firmware"
    ),
    path(f"{_DEVICE}events/", device_page.events, name="device_events"),
    path(
        f"{_DEVICE}settings/", device_settings.device_settings, name="device_settings"
    ),
    path(f"{_DEVICE}remote/", remote.remote, name="device_remote"),
    path(f"{_DEVICE}remote/control/", remote.remote_control, name="remote_control"),
    path(f"{_REMOTE}enter/", remote.remote_enter, name="remote_enter"),
    path(f"{_REMOTE}end/", remote.remote_end, name="remote_end"),
    path(f"{_DEVICE}remote/reboot/", maintenance.device_reboot, name="device_reboot"),
    path(
        f"{_DEVICE}remote/reset/<slug:kind>/",
        maintenance.device_reset,
        name="device_reset",
    ),
    path(
        f"{_DEVICE}settings/buttons/<slug:module>/",
        buttons.device_buttons,
        name="device_buttons",
    ),
    path(f"{_DEVICE}audit/", device_audit.device_audit, name="device_audit"),
    path(f"{_DEVICE}edit/", devices.device_edit, name="device_edit"),
    path(f"{_DEVICE}replace/", replacing.device_replace, name="device_replace"),
    path(f"{_DEVICE}delete/", devices.device_delete, name="device_delete"),
    path(f"{_DEVICE}cleared/", devices.device_cleared, name="device_cleared"),
    path(f"{_DEVICE}virtual/", demo.start_unit, name="demo_unit"),
    path(f"{_DEVICE}virtual/act/", demo.act_on_unit, name="demo_act"),
    path(f"{_DEVICE}virtual/messages/", demo.unit_messages, name="demo_messages"),
    path(
        f"{_DEVICE}relays/<slug:kind>/<int:number>/open/",
        doors.open_door,
        name="open_door",
    ),
    path("commands/<uuid:command_id>/", doors.command_life, name="command"),
    path("log/", log.log_list, name="log"),
    path("log/<int:visit_id>/", log.log_visit, name="log_visit"),
    path("log/<int:visit_id>/whole/", log.log_whole, name="log_whole"),
    path("log/pictures/<str:signed>/", log.capture, name="capture"),
    *export_urls(INSTALLER),
    path("mac-library/", mac_library.mac_library, name="mac_library"),
    path(
        "mac-library/<int:entry_id>/remove/", mac_library.mac_remove, name="mac_remove"
    ),
    path("setting/access/", company.access, name="access"),
    path(
        "setting/company/<slug:part>/", company.company_setting, name="company_setting"
    ),
    path("visit/leave/", company.leave, name="visit_leave"),
    path("firmware/", firmware.firmware, name="firmware"),
    path(
        "firmware/<int:version_id>/", firmware.firmware_version, name="firmware_version"
    ),
    path("upgrade/", upgrades.upgrade_list, name="upgrade"),
    path("upgrade/campaigns/", upgrades.campaign_list, name="campaigns"),
    path("upgrade/new/", upgrade_forms.upgrade_new, name="upgrade_new"),
    path("upgrade/wizard/", upgrade_forms.upgrade_wizard, name="upgrade_wizard"),
    path(_CAMPAIGN, campaigns.campaign, name="campaign"),
    path(f"{_CAMPAIGN}edit/", upgrade_forms.campaign_edit, name="campaign_edit"),
    path(f"{_CAMPAIGN}<slug:act>/", campaigns.campaign_act, name="campaign_act"),
    path(_UPGRADE, upgrades.upgrade_record, name="upgrade_record"),
    path(f"{_UPGRADE}delete/", upgrades.upgrade_remove, name="upgrade_remove"),
    path("message/", messages.message_list, name="message"),
    path("message/new/", messages.message_new, name="message_new"),
    path(_MESSAGE, messages.message, name="message_details"),
    path(f"{_MESSAGE}edit/", messages.message_edit, name="message_edit"),
    path(f"{_MESSAGE}delete/", messages.message_delete, name="message_delete"),
    path(
        "message/templates/", message_templates.template_list, name="message_templates"
    ),
    path(
        "message/templates/new/",
        message_templates.template_new,
        name="message_template_new",
    ),
    path(
        f"{_TEMPLATE}edit/",
        message_templates.template_edit,
        name="message_template_edit",
    ),
    path(
        f"{_TEMPLATE}delete/",
        message_templates.template_delete,
        name="message_template_delete",
    ),
    path("subscriptions/", later.subscriptions, name="subscriptions"),
    path("payments/", later.payments, name="payments"),
    path("automatic-payments/", later.automatic_payments, name="automatic_payments"),
    path("integration/", integration.integration, name="integration"),
    path("integration/<slug:brand>/guide/", integration.lock_guide, name="lock_guide"),
    path(
        "integration/<slug:brand>/new/",
        integration.lock_account_new,
        name="lock_account_new",
    ),
    path(_LOCK_ACCOUNT, integration.lock_account, name="lock_account"),
    path(
        f"{_LOCK_ACCOUNT}edit/", integration.lock_account_edit, name="lock_account_edit"
    ),
    path(
        f"{_LOCK_ACCOUNT}delete/",
        integration.lock_account_delete,
        name="lock_account_delete",
    ),
    path(
        "integration/locks/<int:own_lock_id>/assign/",
        integration.lock_assign,
        name="lock_assign",
    ),
    path(
        "integration/locks/<int:own_lock_id>/unassign/",
        integration.lock_unassign,
        name="lock_unassign",
    ),
    *people_urls(INSTALLER),
    *common_urls(INSTALLER),
]
