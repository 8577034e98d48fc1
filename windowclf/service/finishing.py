"""Finishing: what a job's process has left becomes a version, a report, a fault or another try.

The model becomes a blob before the one transaction that names it. A crash between leaves the job
running, so that it runs again, and what it then leaves are the same bytes.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from windowclf.pipeline.worker import words_for
from windowclf.service import jobs, records
from windowclf.service.home import Home
from windowclf.service.inputs import input_of
from windowclf.system.machine import this_machine
from windowclf.tagging.model_file import MODEL_NAME

log = logging.getLogger("windowclf.service")


class Finishing:
    """Ends jobs in the rows of a home."""

    def __init__(self, home: Home):
        self._home = home
        self._machine = this_machine()

    def end(
        self,
        job: Mapping[str, Any],
        answer: Mapping[str, Any],
        began_at: float | None,
        code: int,
        stopping: bool,
    ) -> None:
        """Lead a job to where its process's last words say, None of them if it died.

        `began_at` is the share that was done when the process began; with `stopping` the server
        has asked for its end.
        """
        number, write = job["id"], self._home.database.write
        match answer:
            case {"result": result}:
                self._keep(job, result)
            case {"fault": fault}:
                error = with_names(fault, job["inputs"])
                write(lambda rows: jobs.fail(rows, number, error)).result()
            case {"refused": sentence}:
                self._fail(number, "RunFolderError", sentence)
            case {"stopped": True}:
                write(lambda rows: jobs.give_back(rows, number)).result()
            case _ if stopping:
                write(lambda rows: jobs.give_back(rows, number)).result()
            case _ if code < 0:
                log.warning("job %d: its process was ended by signal %d", number, -code)
                write(lambda rows: jobs.lose(rows, number, began_at, -code)).result()
            case _:
                self._fail(number, "Died", f"{words_for(code)} Its log says more.")

    def _fail(self, number: int, kind: str, sentence: str) -> None:
        """End a job with a sentence."""
        error = {"kind": kind, "faults": [{"sentence": sentence}], "more": 0}
        self._home.database.write(lambda rows: jobs.fail(rows, number, error)).result()

    def _keep(self, job: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Keep what a job has found; of a training the model first, then the rows that name it."""
        write = self._home.database.write
        if job["kind"] != "train":
            write(lambda rows: jobs.succeed(rows, job["id"], result)).result()
            return
        digest, size = self._home.blobs.copy(self._home.run_folder(job["id"]) / MODEL_NAME)
        if digest != result["digest"]:
            self._fail(job["id"], "Damaged", "the model on the disk is not what its process wrote.")
            return
        whole = {**result, "lineage": self._lineage(job)}
        write(lambda rows: records.add_version(rows, job, (digest, size), whole)).result()

    def _lineage(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """What a model is made from, and on what."""
        return {
            "config": job["config"],
            "inputs": job["inputs"],
            "threads": job["threads"],
            "machine": self._machine,
        }


def with_names(fault: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A fault of a process as clients see it: an upload by its number and name, no other path."""
    faults = []
    for each in fault["faults"]:
        shown = {key: value for key, value in each.items() if key != "path"}
        if (found := input_of(each.get("path", ""))) is not None:
            shown |= {"input": found[0], "file": found[1]}
        shown["sentence"] = _without_places(shown["sentence"], inputs)
        faults.append(shown)
    return {**fault, "faults": faults}


def _without_places(sentence: str, inputs: Mapping[str, Any]) -> str:
    """A sentence with the names of uploads where it has their places."""
    for name, entry in inputs.items():
        kind, _, number = name.partition(":")
        sentence = sentence.replace(f"{kind}/{number}/{entry['file']}", entry["file"])
    return sentence
