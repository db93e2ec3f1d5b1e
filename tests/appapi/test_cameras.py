"""Third-party cameras in the app: those that stand there by themselves."""

from __future__ import annotations

import pytest

from tests.appapi.support import House
from tests.factories.cameras import (
    CAMERA_PASSWORD,
    end_premium,
    make_camera,
    make_premium,
)

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def shown(house: House) -> list[dict[str, object]]:
    datas = house.app().get("/userconf")["datas"]
    assert CAMERA_PASSWORD not in str(datas)
    assert "192.168.1.64" not in str(datas)
    cameras: list[dict[str, object]] = datas["third_party_dev_list"]["camera_dev_list"]
    return cameras


def test_app_lists_cameras_that_users_may_watch_and_that_are_not_linked(
    house: House,
) -> None:
    assert shown(house) == []
    garden = make_camera(house.site, house.installer)
    make_camera(house.site, house.installer, name="Secret", monitor_in_app=False)
    make_camera(house.site, house.installer, name="Linked", linked=[house.door.pk])

    assert shown(house) == [{"id": str(garden.pk), "location": "Garden"}]


def test_app_lists_none_without_a_running_premium_plan(house: House) -> None:
    make_camera(house.site, house.installer)
    end_premium(house.site)
    assert shown(house) == []

    make_premium(house.site)
    assert len(shown(house)) == 1
