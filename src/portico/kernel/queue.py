"""Jobs by name: services enqueue them, tasks define them, the worker runs them.

A job is a row written in the transaction that causes it; it exists exactly if that
transaction commits. The store behind is installed by ``config.wiring``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

Json = str | int | float | bool | None
Task = Callable[..., None]


class PermanentError(Exception):
    """Raised by a task when trying again cannot help: the job is dead at once."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and when a failed job is tried again.

    The wait doubles from ``first`` to ``longest``; the worker adds jitter.
    """

    attempts: int = 8
    first: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(minutes=15)

    def wait(self, attempt: int) -> timedelta:
        """The pause after the ``attempt``-th failure, counted from 1."""
        doubled: timedelta = self.first * 2 ** min(attempt - 1, 20)
        return min(doubled, self.longest)


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A task with the name it is enqueued under."""

    name: str
    task: Task
    retry: RetryPolicy


class Backend(Protocol):
    """Writes a job row in the current transaction."""

    def __call__(
        self,
        name: str,
        params: Mapping[str, Json],
        *,
        run_at: datetime | None,
        unique_key: str,
    ) -> None: ...


class _Registry:
    backend: Backend | None = None
    counts: Callable[[], dict[str, int]] | None = None
    jobs: dict[str, JobSpec] = {}


def install_backend(backend: Backend, counts: Callable[[], dict[str, int]]) -> None:
    """Plug in the store that :func:`enqueue` writes to, and how to count its jobs."""
    _Registry.backend = backend
    _Registry.counts = counts


def job_counts() -> dict[str, int]:
    """How many jobs are in which state, for the metrics."""
    return {} if _Registry.counts is None else _Registry.counts()


def job(name: str, *, retry: RetryPolicy | None = None) -> Callable[[Task], Task]:
    """Register the decorated task under ``name``; its parameters are JSON values."""

    def register(task: Task) -> Task:
        _Registry.jobs[name] = JobSpec(name, task, retry or RetryPolicy())
        return task

    return register


def find_job(name: str) -> JobSpec | None:
    """The task registered as ``name``, or None for one that no code knows."""
    return _Registry.jobs.get(name)


def enqueue(
    name: str,
    /,
    *,
    run_at: datetime | None = None,
    unique_key: str = "",
    **params: Json,
) -> None:
    """Order ``name`` with the current transaction.

    With ``unique_key`` a second order is dropped while one with that key still waits
    (not while it runs: what changed since it started needs another run).
    """
    if _Registry.backend is None:
        raise RuntimeError("no queue backend installed; see config.wiring")
    _Registry.backend(name, params, run_at=run_at, unique_key=unique_key)
