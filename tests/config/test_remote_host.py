"""Where devices' own pages live: never above this installation's own names."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from portico.config.environment import Environment

pytestmark = pytest.mark.unit


def environment(remote: str, public: str = "https://portal.example.org") -> Environment:
    return Environment.model_validate(
        {
            "secret_key": "s",
            "encryption_keys": "k",
            "public_url": public,
            "remote_host": remote,
            "mode": "production",
        }
    )


def test_remote_host_takes_the_scheme_of_the_portal() -> None:
    assert environment("remote.example.net").remote_base == "https://remote.example.net"
    own = environment(" Remote.example.org:8443", "http://portal.example.org")
    assert own.remote_base == "http://remote.example.org:8443"
    assert environment("").remote_base == ""


@pytest.mark.parametrize(
    "remote", ["example.org", "portal.example.org", "ORG", "example.org:8443"]
)
def test_portal_is_not_below_it(remote: str) -> None:
    with pytest.raises(ValidationError, match="below it"):
        environment(remote)
