"""Runner: does the queued jobs, each in a process of its own, one at a time in each of two slots.

Training has the cores but one; what is light never waits behind it. The lock of a run folder says
whether somebody still works there: the process of a server that was killed may be saving yet.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import Any, get_args

from windowclf.errors import WindowclfError
from windowclf.pipeline.worker import Worker, fault_of
from windowclf.service import jobs
from windowclf.service.finishing import Finishing, with_names
from windowclf.service.home import Home
from windowclf.service.inputs import link_inputs, order_of
from windowclf.service.jobs import Slot
from windowclf.service.submitting import training_threads
from windowclf.system.claimed_folder import is_claimed
from windowclf.system.durable import make_folder

NICENESS = 10  # of work that requests go before
SECONDS_BETWEEN_LOOKS = 0.1  # at a folder whose process is still saving
SECONDS_TO_STOP = 6.5  # then a process is killed
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SYSTEMROOT")

log = logging.getLogger("windowclf.service")


class Runner:
    """Two threads that take jobs from the queue, from `start` to `stop`."""

    def __init__(self, home: Home):
        self._home = home
        self._finishing = Finishing(home)
        self._lock = threading.Lock()
        self._workers: dict[int, Worker] = {}
        self._draining = threading.Event()
        self._wake = {slot: threading.Event() for slot in get_args(Slot)}
        self._threads = [
            threading.Thread(target=self._serve, args=(slot,), name=slot) for slot in self._wake
        ]
        self._saving: dict[Slot, set[int]] = {slot: set() for slot in self._wake}
        self.done: dict[int, float] = {}  # the share of a running job that is done

    @property
    def saving(self) -> set[int]:
        """The queued jobs whose last process has not let go yet."""
        return set[int]().union(*self._saving.values())

    def start(self) -> None:
        """Begin to take jobs."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look at the queue: a job was put there."""
        for event in self._wake.values():
            event.set()

    def cancel(self, number: int) -> None:
        """Have the process of a job stop, whose row is marked already."""
        with self._lock:
            worker = self._workers.get(number)
        if worker is not None:
            worker.stop()

    def drain(self) -> None:
        """Take no more jobs, and have those that run save and stop."""
        self._draining.set()
        self.wake()
        with self._lock:
            workers = list(self._workers.values())
        for worker in workers:
            worker.stop()

    def stop(self) -> None:
        """Drain, and wait until every job that ran is back in the queue."""
        self.drain()
        timer = threading.Timer(SECONDS_TO_STOP, self._kill)
        timer.start()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        timer.cancel()

    def _kill(self) -> None:
        """End processes that do not stop."""
        with self._lock:
            for worker in self._workers.values():
                worker.kill()

    def _serve(self, slot: Slot) -> None:
        """What the thread of a slot does: one job after another, until it drains."""
        while not self._draining.is_set():
            try:
                job = self._claim(slot)
                if job is None:
                    self._wake[slot].wait(SECONDS_BETWEEN_LOOKS if self._saving[slot] else None)
                    self._wake[slot].clear()
                    continue
                self._do(job)
            except Exception:
                log.exception("slot %s", slot)
                self._draining.wait(1)  # a disk that is full may have room again

    def _claim(self, slot: Slot) -> dict[str, Any] | None:
        """The oldest job that waits and can begin; None without one."""
        threads = training_threads() if slot == "training" else 1
        waiting = self._home.database.read(lambda rows: jobs.waiting(rows, slot))
        self._saving[slot] = {
            number
            for number, attempts in waiting
            if attempts and is_claimed(self._home.run_folder(number))
        }
        for number, _ in waiting:
            if number in self._saving[slot]:
                continue
            job = self._home.database.write(
                lambda rows, number=number: jobs.claim(rows, number, threads)  # type: ignore[misc]
            ).result()
            if job is not None:
                return job
        return None

    def _do(self, job: dict[str, Any]) -> None:
        """Do a job that was claimed, to its end or back into the queue."""
        number = job["id"]
        try:
            answer, began_at, code = self._worked(job)
            stopping = self._draining.is_set()
            self._finishing.end(job, answer, began_at, code, stopping)
        except WindowclfError as error:
            fault = with_names(fault_of(error), job["inputs"])
            self._home.database.write(lambda rows: jobs.fail(rows, number, fault)).result()
        except BaseException:
            self._home.database.write(lambda rows: jobs.give_back(rows, number)).result()
            raise
        finally:
            with self._lock:
                self._workers.pop(number, None)
            self.done.pop(number, None)

    def _worked(self, job: dict[str, Any]) -> tuple[dict[str, Any], float | None, int]:
        """What the process of a job said last, how far the job was when it began, its exit code."""
        number = job["id"]
        folder = self._home.job_folder(number)
        make_folder(folder)
        link_inputs(folder, job["inputs"], self._home.blobs)
        order = order_of(job)
        order |= {"niceness": NICENESS, "memory": job["memory"], "notices": True}
        answer: dict[str, Any] = {}
        began_at = None
        with self._home.log_of(number).open("ab") as said:
            worker = Worker(folder, _environment(), said)
            try:
                self._register(number, worker)
                for answer in worker.work(order):
                    if "done" in answer:
                        self.done[number] = answer["done"]
                        began_at = answer["done"] if began_at is None else began_at
            finally:
                code = worker.end()
        return answer, began_at, code

    def _register(self, number: int, worker: Worker) -> None:
        """Have a process be found by `cancel` and `drain`, and hear what came before it was."""
        with self._lock:
            self._workers[number] = worker
        is_marked = self._home.database.read(lambda rows: jobs.is_marked(rows, number))
        if is_marked or self._draining.is_set():
            worker.stop()


def _environment() -> dict[str, str]:
    """The variables that a process needs, and no secrets of the server's."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {**kept, "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"}
