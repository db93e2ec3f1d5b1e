from __future__ import annotations

import pytest

from portico.protocols.autop.grammar import FileRole, file_kind, is_key
from portico.simulator.catalogue import Kind, UnknownModel, catalogue, model_named
from portico.simulator.factory import factory_config, refused_keys

pytestmark = pytest.mark.unit

MODELS = (
    *("R20A", "R20K", "R20B", "R26", "R27", "R28", "R29C", "X912", "X915S", "X916"),
    *("E12W", "E16C", "E18C", "S532", "S535", "S539", "A01", "A02", "A05", "A08S"),
    *("C313", "C315", "C317", "S562", "S563", "S567", "IT83", "X933"),
)


def test_all_models_are_there() -> None:
    assert sorted(catalogue()) == sorted(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_model_is_consistent(name: str) -> None:
    model = model_named(name)
    config = factory_config(name)
    common = file_kind(model.common_file)

    assert common is not None
    assert (common.role, common.model_id) == (FileRole.COMMON, model.model_id)
    assert model.firmware_ext in ("rom", "zip")
    assert 1 <= model.relays <= 4
    assert all(is_key(key) for key in config)
    for suffix in model.action_urls:
        assert config[f"Config.Features.ACTIONURL.{suffix}"] == ""
    assert not refused_keys(name) & config.keys()


def test_lookup_ignores_letter_case() -> None:
    assert model_named(" r20a ").name == "R20A"
    with pytest.raises(UnknownModel):
        model_named("R2D2")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("R29C", "r000000000029.cfg"),
        ("C313", "r000000000113.cfg"),
        ("X915S", "r000000002915.cfg"),
        ("S532", "r532.cfg"),
    ],
)
def test_common_file_name(name: str, file: str) -> None:
    assert model_named(name).common_file == file


def test_documented_quirks() -> None:
    assert model_named("E18C").account_prefix(1) == "Config.Account"
    assert model_named("R20A").account_prefix(2) == "Config.Account2"
    assert model_named("X915S").schedule_field == "Schedule"
    assert "relay" in model_named("IT83").missing_targets
    assert "ValidQRCodeEntered" not in model_named("E16C").action_urls
    assert model_named("C313").kind is Kind.INDOOR_MONITOR
    assert "Config.DoorSetting.RELAY.RelayADelay" in factory_config("E12W")
    assert "Config.DoorSetting.RELAY.HoldDelayA" in refused_keys("E12W")
    assert "Config.DoorSetting.RELAY.HoldDelayA" in factory_config("X916")
