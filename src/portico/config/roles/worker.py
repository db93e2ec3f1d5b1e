"""``portico worker``: jobs and the clock."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Sequence
from types import FrameType

from portico.config.start import complain, start_django


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="portico worker")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(argv)
    trouble = start_django()
    if trouble:
        return complain(trouble)
    return _run(options.threads)


def _run(threads: int) -> int:
    # Models can be loaded only now.
    from portico.worker.runner import Worker  # noqa: PLC0415
    from portico.worker.schedule import Clock  # noqa: PLC0415

    worker, clock = Worker(threads), Clock()

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        worker.stop()
        clock.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    ended: list[str] = []

    def tick() -> None:
        try:
            clock.run()
        finally:  # alone neither half is any use: the process goes and is restarted
            ended.append("clock")
            worker.stop()

    ticking = threading.Thread(target=tick, name="clock")
    ticking.start()
    try:
        worker.run()
    finally:
        is_asked = clock.is_stopping
        clock.stop()
        ticking.join()
    return 0 if is_asked else 1
