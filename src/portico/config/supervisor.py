"""Runs a group of processes: starts, restarts what dies, stops all together."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

import structlog

log = structlog.get_logger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
# A role that ran this long was well; its next fault starts from the first pause.
_WELL_SECONDS = 30.0
# Above every role's own grace period.
_STOP_SECONDS = 15.0
_LOOK_SECONDS = 0.2
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Ask the kernel to end this child when the supervisor is killed outright."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass(slots=True)
class Role:
    """One process of the group."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    # Where its output goes; None: where ours goes.
    log: Path | None = None
    # Exit codes that mean "do not try again", such as wrong settings.
    final_codes: frozenset[int] = frozenset({2})
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restart_at: float = 0.0
    pause: float = _FIRST_PAUSE
    # Once it was well, what stops it now is trouble that may pass.
    has_run: bool = False


@contextlib.contextmanager
def _output(log_file: Path | None) -> Iterator[IO[bytes] | None]:
    if log_file is None:
        yield None
        return
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("ab") as stream:
        yield stream


def _end_group(leader: int) -> None:
    """Kill what a role that died has left behind: it would keep the port."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


class Supervisor:
    """Keeps ``roles`` running until told to stop."""

    def __init__(self, roles: Sequence[Role]) -> None:
        self._roles = list(roles)
        self._stop = threading.Event()
        self.failed: Role | None = None
        self.has_failed = False

    def stop(self, number: int = 0, frame: FrameType | None = None) -> None:
        """End :meth:`run`; also the handler of SIGINT and SIGTERM."""
        del number, frame
        self._stop.set()

    def fail(self) -> None:
        """End :meth:`run` because the group as a whole is no use."""
        self.has_failed = True
        self._stop.set()

    @property
    def is_stopping(self) -> bool:
        return self._stop.is_set()

    def start(self) -> None:
        """Start every role that is not running."""
        for role in self._roles:
            self._start(role)

    def add(self, role: Role) -> None:
        """Keep one more role running; :meth:`run` starts it at its next look.

        Not here: the kernel's parent-death signal means the *thread* that forked.
        """
        self._roles.append(role)

    def _start(self, role: Role) -> None:
        with _output(role.log) as output:
            role.process = subprocess.Popen(  # noqa: S603 -- our own command line
                list(role.command),
                env={**os.environ, **role.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C in the terminal is for the supervisor, which stops in order.
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 -- one call, no state
            )
        role.started_at = time.monotonic()

    def _start_again(self, role: Role) -> None:
        try:
            self._start(role)
        except OSError as error:  # no process, no file: perhaps in a moment
            log.error("role_not_started", role=role.name, error=str(error))
            role.restart_at = time.monotonic() + role.pause
            role.pause = min(role.pause * 2, _LONGEST_PAUSE)

    def run(self) -> None:
        """Look after the roles until stopped or one ends for good; then stop all."""
        try:
            while not self._stop.wait(_LOOK_SECONDS):
                for role in list(self._roles):
                    self._look(role)
        finally:
            self._stop_all()

    def _look(self, role: Role) -> None:
        if role.process is None:
            if time.monotonic() >= role.restart_at:
                self._start_again(role)
            return
        code = role.process.poll()
        if code is None:
            return
        _end_group(role.process.pid)
        was_well = time.monotonic() - role.started_at > _WELL_SECONDS
        role.has_run |= was_well
        if code in role.final_codes and not role.has_run:
            self.failed = role
            self._stop.set()
            return
        if was_well:
            role.pause = _FIRST_PAUSE
        log.warning("role_ended", role=role.name, exit=code, pause=role.pause)
        role.process = None
        role.restart_at = time.monotonic() + role.pause
        role.pause = min(role.pause * 2, _LONGEST_PAUSE)

    def _stop_all(self) -> None:
        running = [role for role in self._roles if role.process is not None]
        # The last started depend on the first: end them in that order.
        for role in reversed(running):
            if role.process is not None and role.process.poll() is None:
                role.process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for role in running:
            if role.process is None:
                continue
            try:
                role.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.error("role_killed", role=role.name)
                role.process.kill()
                role.process.wait()
            _end_group(role.process.pid)
