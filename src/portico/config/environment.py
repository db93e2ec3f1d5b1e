"""What an installation is told from outside: ``PORTICO_*`` variables, checked."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Mode = Literal["production", "demo", "test"]


_TRANSPORTS = frozenset({"udp", "tcp", "tls"})


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


class Environment(BaseSettings):
    """The installation's settings; every field is ``PORTICO_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="PORTICO_")

    mode: Mode = "production"
    data: Path = Path("var")
    secret_key: SecretStr
    # Comma-separated Fernet keys, the newest first.
    encryption_keys: SecretStr
    # Empty: SQLite in the data folder.
    database_url: str = ""
    # "local", nats://host:port[,nats://host:port…], or "none" where tests bring theirs
    bus_url: str = "local"
    # Where people and devices reach this installation.
    public_url: str = "http://127.0.0.1:8000"
    device_url: str = ""
    allowed_hosts: str = ""
    # host[:port] below which devices' own pages are shown, each session at a name of its
    # own. Empty: there is no remote control; the demo uses localhost.
    remote_host: str = ""
    # host[:port] of the SIP server as devices reach it; empty: the device address, 5060.
    sip_server: str = ""
    # What it speaks to devices, comma-separated: udp, tcp, tls; and its port for TLS.
    sip_transports: str = "udp"
    sip_tls_port: int = Field(5061, ge=1, le=65535)
    # Addresses of proxies whose X-Forwarded-For is believed, comma-separated.
    trusted_proxies: str = "127.0.0.1"
    log_format: Literal["json", "console"] = "json"
    # host[:port] that app clients are told; empty: the name they came by.
    app_host: str = ""
    # smtp://user:password@host:port (STARTTLS), smtps:// or smtp+plain://
    smtp_url: SecretStr = SecretStr("")
    # The sender of all mails: an address, or "Name <address>".
    mail_from: str = ""
    # The mailbox for replies to support mails, name@host; its server must take
    # name+anything@host too, and the worker reads it by IMAP:
    # imaps://user:password@host[/folder], imap:// for STARTTLS, or imap+plain://
    support_address: str = ""
    support_imap_url: SecretStr = SecretStr("")
    # The control address of the simulator; only demo mode uses it.
    simulator_control: str = ""
    simulator_token: SecretStr = SecretStr("")
    # Where the Smart Home icon leads for houses without an address of their own.
    smart_home_url: str = ""
    # A weather service of the Open-Meteo shape: where it searches places, and where it
    # tells the weather. Empty: there is no weather.
    weather_search_url: str = ""
    weather_url: str = ""
    # KiB a second that all firmware images on their way to one site take together, so that
    # its line has room for calls. 0: as fast as it goes.
    firmware_rate: int = Field(1024, ge=0, le=1_000_000)
    # Bearer token for /metrics; empty: only loopback may read it.
    metrics_token: SecretStr = SecretStr("")
    gateway_id: str = Field(
        default_factory=lambda: f"{os.uname().nodename}-{os.getpid()}"
    )

    @field_validator("data")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.absolute()

    @field_validator("remote_host")
    @classmethod
    def _beside_us(cls, value: str, info: ValidationInfo) -> str:
        """Names below it are devices', so that none of ours may be."""
        name = value.strip().strip(".").lower().partition(":")[0]
        ours = (info.data.get("public_url", ""), info.data.get("device_url", ""))
        hosts = [(urlsplit(each).hostname or "").lower() for each in ours]
        if name and any(f".{host}".endswith(f".{name}") for host in hosts if host):
            raise ValueError("a name of this installation is below it")
        return value

    @cached_property
    def keys(self) -> list[str]:
        """The encryption keys, the newest first."""
        return [k.strip() for k in self.encryption_keys.get_secret_value().split(",")]

    @cached_property
    def bus_folder(self) -> Path:
        """A short private path: Unix sockets allow 107 bytes."""
        name = hashlib.sha256(str(self.data).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir(), f"portico-{os.getuid()}-{name}")

    @property
    def mail_sender(self) -> str:
        """The sender of all mails."""
        host = urlsplit(self.public_url).hostname or "localhost"
        return self.mail_from or f"Portico <portico@{host}>"

    @property
    def devices_base(self) -> str:
        """The base address written into devices' files."""
        return (self.device_url or self.public_url).rstrip("/")

    @field_validator("sip_transports")
    @classmethod
    def _known_transports(cls, value: str) -> str:
        spoken = _listed(value)
        if not spoken or set(spoken) - _TRANSPORTS:
            raise ValueError("one or more of udp, tcp, tls")
        return value

    @property
    def sip_spoken(self) -> list[str]:
        """How devices may talk to the SIP server."""
        return _listed(self.sip_transports)

    @property
    def remote_base(self) -> str:
        """``scheme://host[:port]`` below which sessions of remote control live, or ""."""
        public = urlsplit(self.public_url)
        host = self.remote_host.strip().strip(".").lower()
        if not host and self.mode == "demo":
            host = "localhost" + (f":{public.port}" if public.port else "")
        return f"{public.scheme}://{host}" if host else ""

    @property
    def sip_address(self) -> tuple[str, int] | None:
        """Where devices register; None: beside the device address."""
        if not self.sip_server:
            return None
        host, _, port = self.sip_server.partition(":")
        return host, int(port or 5060)
