from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

import tests.jobs.tasks  # noqa: F401 -- registers the jobs
from portico.jobs.enums import JobState
from portico.jobs.models import Job
from portico.kernel.queue import enqueue
from portico.worker.runner import Worker
from tests.processes import start
from tests.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]
WORKER = (
    "import sys; from portico.config.start import start_django;"
    "assert not start_django();"
    "import tests.jobs.tasks;"
    "from portico.config.roles.worker import main; sys.exit(main([]))"
)
# What the issue promises, with the time that a process needs to start.
TAKEOVER_SECONDS = 30.0


def test_worker_runs_what_waits_and_stops_when_told(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for number in range(20):
        enqueue("tests.note", path=str(out), text=str(number))
    worker = Worker()
    thread = threading.Thread(target=worker.run)
    thread.start()
    eventually(lambda: not Job.objects.exists())
    worker.stop()
    thread.join(timeout=10)

    assert not thread.is_alive()
    assert sorted(map(int, out.read_text().split())) == list(range(20))


def test_failing_job_is_kept_for_later_and_a_hopeless_one_is_dead() -> None:
    enqueue("tests.fail")
    enqueue("tests.hopeless")
    enqueue("tests.unknown_to_this_version")
    worker = Worker()
    thread = threading.Thread(target=worker.run)
    thread.start()
    eventually(lambda: Job.objects.filter(state=JobState.DEAD).count() == 2)
    eventually(lambda: Job.objects.exclude(last_error="").count() == 3)
    worker.stop()
    thread.join(timeout=10)

    assert Job.objects.get(name="tests.fail").state == JobState.WAITING


def test_killed_worker_loses_nothing_and_another_takes_over_in_time(
    tmp_path: Path,
) -> None:
    # The processes have a clock as well: it may add jobs of its own at any time.
    named = Job.objects.filter(name="tests.hang_once")
    out = tmp_path / "out"
    enqueue("tests.hang_once", path=str(out))
    first = start(WORKER)
    eventually(
        lambda: out.exists() and out.read_text() == "begun\n",
        "the first worker did not begin",
    )
    second = start(WORKER)
    first.send_signal(signal.SIGKILL)
    first.wait()
    killed_at = time.monotonic()
    try:
        eventually(lambda: not named.exists(), seconds=TAKEOVER_SECONDS)
        assert time.monotonic() - killed_at < TAKEOVER_SECONDS
        assert out.read_text().split() == ["begun", "done"]
    finally:
        second.terminate()
        second.wait(timeout=20)
    assert second.returncode == 0


def test_stopping_worker_finishes_what_it_has_begun(tmp_path: Path) -> None:
    named = Job.objects.filter(name="tests.note")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    # Writing to a pipe that nobody reads waits, until the test reads it.
    enqueue("tests.note", path=str(fifo), text="done")
    process = start(WORKER)
    eventually(lambda: named.filter(state=JobState.RUNNING).exists())
    process.terminate()
    assert named.get().state == JobState.RUNNING
    assert fifo.read_text() == "done\n"

    assert process.wait(timeout=20) == 0
    assert not named.exists()


def test_job_that_ended_its_worker_each_time_is_given_up() -> None:
    enqueue("tests.fail")
    Job.objects.update(attempts=3)
    worker = Worker()
    thread = threading.Thread(target=worker.run)
    thread.start()
    eventually(lambda: Job.objects.filter(state=JobState.DEAD).exists())
    worker.stop()
    thread.join(timeout=10)

    assert "its worker died" in Job.objects.get().last_error
