"""A real IMAP server on loopback, with one mailbox in a folder."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pysasl.hashing import BuiltinHash

from tests.waiting import eventually

_count = itertools.count(1)


@dataclass
class Mailbox:
    """Mails are put into ``folder`` as a mail server does it."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"imap+plain://support:pass%40word@127.0.0.1:{self.port}"

    def put(self, raw: bytes) -> None:
        name = f"{next(_count)}.mail"
        part = self.folder / "tmp" / name
        part.write_bytes(raw)
        part.rename(self.folder / "new" / name)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running_mailbox(folder: Path) -> Iterator[Mailbox]:
    """The server, until the block ends."""
    port = _free_port()
    (folder / "pymap-etc-passwd").write_text("support:x::::support:\n")
    secret = BuiltinHash(hash_name="sha256", rounds=1000).hash("pass@word")
    (folder / "pymap-etc-shadow").write_text(f"support:{secret}:::::::\n")
    program = Path(sys.executable).with_name("pymap")
    words = ["--no-tls", "--host", "127.0.0.1", "--port", str(port)]
    words += ["--no-service", "managesieve", "--no-service", "admin"]
    server = subprocess.Popen(
        [str(program), *words, "maildir", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: _answers(port))
        yield Mailbox(folder / "support", port)
    finally:
        server.terminate()
        server.wait(timeout=20)
