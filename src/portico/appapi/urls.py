"""The app API's paths: clients choose the server by name, we route by path alone."""

from __future__ import annotations

from django.urls import include, path

from portico.appapi.views import doors, keys, logs, messages, session

_app = [
    path("tempKey/getPersonalTempKeyList", keys.list_keys),
    path("tempKey/addPersonalTempKey", keys.add_key),
    path("tempKey/delPersonalTempKey", keys.delete_key),
    path("log/getDoorLog", logs.door_log),
    path("log/getCallLog", logs.call_log),
    path("message/getMessageList", messages.message_list),
    path("message/readMessage", messages.read_message),
]

_member = [
    path("getDoorLog", logs.member_door_log),
    path("getCallLog", logs.member_call_log),
]

urlpatterns = [
    path("rest_server", session.rest_server),
    path("send_mobile_checkcode", session.send_mobile_checkcode),
    path("sms_login", session.sms_login),
    path("login", session.login),
    path("servers_list", session.servers_list),
    path("refresh_token", session.refresh_token),
    path("login_conf", session.login_conf),
    path("userconf", doors.userconf),
    path("opendoor", doors.opendoor),
    path(
        "web-server/v3/app/qr/<str:sealed>", keys.qr_picture, name="appapi_temp_key_qr"
    ),
    path(
        "web-server/v3/app/pictures/<str:signed>", logs.picture, name="appapi_picture"
    ),
    path("web-server/v3/app/<str:kind>/", include(_app)),
    path("web-server/v4/smartplus/<str:kind>/log/member/", include(_member)),
]
