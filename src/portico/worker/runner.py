"""The worker: claims jobs, runs them in threads, keeps their leases, stops gracefully."""

from __future__ import annotations

import os
import secrets
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import structlog
from django.db import (
    DatabaseError,
    close_old_connections,
    connection,
    connections,
)

from portico.jobs.services import lease
from portico.kernel.bus import Payload, current_bus
from portico.kernel.clock import utcnow
from portico.kernel.queue import JobSpec, PermanentError, RetryPolicy, find_job
from portico.kernel.threads import end_pool

if TYPE_CHECKING:
    from portico.jobs.models import Job

log = structlog.get_logger(__name__)

# A lost hint costs at most this.
POLL_SECONDS = 1.0
# After a database fault: long enough not to add to the trouble.
_FAULT_PAUSE_SECONDS = 2.0


def _unknown(**params: object) -> None:
    """Stands for a job of another version of Portico."""
    raise PermanentError(f"no code for this job, parameters {sorted(params)}")


def _give_up_on_killer(attempts: int) -> None:
    raise PermanentError(f"its worker died {attempts - 1} times")


class Worker:
    """Runs jobs until :meth:`stop`; one per process."""

    def __init__(self, threads: int = 4) -> None:
        self.name = f"{os.uname().nodename}-{os.getpid()}-{secrets.token_hex(3)}"[:63]
        self._threads = threads
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._running: dict[int, Job] = {}
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Claim nothing more; :meth:`run` returns when what runs is done."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Work until stopped; jobs under way are finished, not dropped."""
        unlisten = current_bus().listen(self._hinted)
        beat = threading.Thread(target=self._beat, name="lease", daemon=True)
        beat.start()
        try:
            pool = ThreadPoolExecutor(self._threads, "job")
            try:
                while not self._stopping.is_set():
                    self._round(pool)
            finally:
                end_pool(pool, self._threads)
        finally:
            unlisten()
            self._wake.set()
            beat.join()
            connections.close_all()

    def _hinted(self, subject: str, payload: Payload) -> None:
        del payload
        if subject == "jobs.waiting":
            self._wake.set()

    def _round(self, pool: ThreadPoolExecutor) -> None:
        self._wake.clear()
        free = self._threads - len(self._running)
        claimed: list[Job] = []
        if free > 0:
            try:
                close_old_connections()
                claimed = lease.claim(worker=self.name, limit=free, now=utcnow())
            except DatabaseError as error:
                log.error("claim_failed", error=str(error))
                self._stopping.wait(_FAULT_PAUSE_SECONDS)
        for job in claimed:
            with self._lock:
                self._running[job.pk] = job
            pool.submit(self._work, job).add_done_callback(self._done)
        if not claimed:
            self._wake.wait(POLL_SECONDS)

    def _done(self, future: Future[None]) -> None:
        self._wake.set()
        error = future.exception()
        if error is not None:  # the lease runs out and somebody tries again
            log.error("job_unsettled", error=str(error))

    def _work(self, job: Job) -> None:
        spec = find_job(job.name) or JobSpec(job.name, _unknown, RetryPolicy())
        close_old_connections()
        try:
            if job.attempts > spec.retry.attempts:
                # It has ended its worker each time, or we would have noted the failure.
                _give_up_on_killer(job.attempts)
            spec.task(**job.params)
        except Exception as error:
            # A job that ran into the database's trouble leaves it nothing to inherit.
            connections.close_all()
            dead = lease.fail(
                job=job, worker=self.name, error=error, retry=spec.retry, now=utcnow()
            )
            log.warning(
                "job_dead" if dead else "job_failed",
                job=job.name,
                id=job.pk,
                attempt=job.attempts,
                error=type(error).__name__,
                exc_info=error,
            )
        else:
            lease.finish(job=job, worker=self.name)
        finally:
            with self._lock:
                self._running.pop(job.pk, None)

    def _beat(self) -> None:
        # Runs on while a graceful stop waits for the last jobs.
        while not self._stopping.is_set() or self._running:
            self._stopping.wait(lease.HEARTBEAT.total_seconds())
            with self._lock:
                mine = list(self._running)
            try:
                close_old_connections()
                lease.renew(worker=self.name, jobs=mine, now=utcnow())
            except DatabaseError:
                log.exception("renew_failed")
                connection.close()
            if self._stopping.is_set():
                # Do not spin while the last jobs end.
                threading.Event().wait(0.2)
        connections.close_all()
