"""Jobs in processes of their own: what comes of them, and of what befalls them."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from house import House
from long_jobs import LONG, config_in, digest_of, until, without_paths

from windowclf.service import jobs
from windowclf.service.submitting import training_threads
from windowclf.system.claimed_folder import ClaimedFolder


class Desk:
    """A house, and a client with uploads of a small corpus."""

    def __init__(self, house, folder):
        self.house, self.client = house, house.client()
        self.config = config_in(folder)
        self.client.put("/v1/taggers/t", json={})
        self.ids = {name: self.upload(self.config["data"][name]) for name in ("train", "dev")}

    def upload(self, path, tagger="t"):
        answer = self.client.post(
            f"/v1/taggers/{tagger}/datasets",
            params={"name": Path(path).name},
            content=Path(path).read_bytes(),
            headers={"Content-Type": "application/octet-stream"},
        )
        return answer.json()["id"]

    def submit(self, config=None, **more):
        body = {"config": without_paths(self.config if config is None else config), **self.ids}
        answer = self.client.post("/v1/taggers/t/jobs", json={**body, **more})
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    def long(self):
        config = {**self.config, "training": {**self.config["training"], **LONG}}
        return self.submit(config)

    def job(self, number):
        return self.client.get(f"/v1/jobs/{number}").json()

    def ended(self, number):
        return until(lambda: (j := self.job(number))["state"] in jobs.ENDED and j, 60)

    def running(self, number):
        """Its process, once it trains."""
        until(lambda: self.job(number)["done"] is not None, 60)
        return self.house.runner._workers[number]

    def versions(self):
        return self.client.get("/v1/taggers/t/versions").json()["items"]


@pytest.fixture
def desk(house, tmp_path):
    made = Desk(house, tmp_path)
    house.runner.start()
    return made


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_training_is_that_of_the_library_to_the_byte(desk, tmp_path):
    job = desk.ended(desk.submit())
    assert job["state"] == "succeeded", job
    assert job["threads"] == training_threads()
    (version,) = desk.versions()
    wanted = digest_of(desk.config, tmp_path / "here", training_threads())
    assert version["digest"] == job["result"]["digest"] == wanted
    assert version["lineage"]["inputs"][f"dataset:{desk.ids['train']}"]["file"] == "train.conll"
    assert version["scores"]["dev"]["accuracy"] == job["result"]["score"]
    file = desk.client.get("/v1/taggers/t/versions/1/file")
    assert file.content == (tmp_path / "here" / "model.safetensors").read_bytes()
    lines = desk.client.get(f"/v1/jobs/{job['id']}/metrics").json()["items"]
    assert [line["epoch"] for line in lines if "score" in line] == [1, 2, 3]
    assert len(lines) > 20
    answer = desk.client.post(
        "/v1/taggers/t/jobs", json={"config": without_paths(desk.config), **desk.ids}
    )
    assert (answer.status_code, answer.json()["id"]) == (200, job["id"])


def test_a_fault_of_an_upload_says_where(desk, tmp_path):
    (tmp_path / "bad.conll").write_text("the\tD\ncat\n\n")
    number = desk.submit(train=desk.upload(tmp_path / "bad.conll"))
    job = desk.ended(number)
    assert job["state"] == "failed"
    (fault,) = job["error"]["faults"]
    assert (fault["file"], fault["line"]) == ("bad.conll", 2)
    assert "found 1" in fault["sentence"]
    assert str(tmp_path) not in json.dumps(job["error"])
    answer = desk.client.get(f"/v1/jobs/{number}/result")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:windowclf:job-failed")


def test_an_upload_is_checked_where_the_task_is_known(desk, tmp_path):
    desk.client.put("/v1/taggers/c", json={"config": {"task": "tagging"}})
    (tmp_path / "bad.conll").write_text("the\tD\ncat\n\n" * 2)
    good, bad = (desk.upload(tmp_path / name, "c") for name in ("train.conll", "bad.conll"))
    place = "/v1/taggers/c/datasets/{}/report"
    for number in (good, bad):
        until(lambda n=number: desk.client.get(place.format(n)).status_code == 200)
    report = desk.client.get(place.format(good)).json()
    assert (report["found"]["sentences"], report["faults"]) == (40, [])
    report = desk.client.get(place.format(bad)).json()
    assert [fault["line"] for fault in report["faults"]] == [2, 5]


@pytest.mark.slow
def test_a_check_does_not_wait_behind_a_training(desk, tmp_path):
    desk.client.put("/v1/taggers/c", json={"config": {"task": "tagging"}})
    number = desk.long()
    desk.running(number)
    upload = desk.upload(tmp_path / "train.conll", "c")
    check = desk.client.get(f"/v1/taggers/c/datasets/{upload}").json()["check_job"]
    assert desk.ended(check)["state"] == "succeeded"
    assert desk.job(number)["state"] == "running"


def test_what_is_cancelled_neither_fails_nor_runs_later(desk):
    number = desk.long()
    pid = desk.running(number).pid
    body = desk.client.post(f"/v1/jobs/{number}/cancel").json()
    assert body["cancel"]
    job = desk.ended(number)
    assert (job["state"], job["error"], job["result"]) == ("cancelled", None, None)
    assert gone(pid)
    time.sleep(0.3)
    assert desk.job(number)["attempt"] == 1
    assert desk.versions() == []


def test_what_is_cancelled_while_it_begins_ends(desk):
    number = desk.long()
    until(lambda: desk.job(number)["state"] == "running")
    desk.client.post(f"/v1/jobs/{number}/cancel")
    assert desk.ended(number)["state"] == "cancelled"


@pytest.mark.slow
def test_a_server_that_stops_puts_its_job_back_and_the_next_goes_on(desk, tmp_path):
    number = desk.long()
    pid = desk.running(number).pid
    began = time.monotonic()
    desk.house.runner.stop()
    assert time.monotonic() - began < 6
    job = desk.job(number)
    assert (job["state"], job["attempt"]) == ("queued", 1)
    assert gone(pid)
    lines = desk.client.get(f"/v1/jobs/{number}/metrics").json()["items"]
    desk.house.home.close()
    house = House(tmp_path / "service")
    desk.house, desk.client = house, house.client()
    house.runner.start()
    desk.running(number)
    desk.client.post(f"/v1/jobs/{number}/cancel")
    assert desk.ended(number)["attempt"] == 2
    again = desk.client.get(f"/v1/jobs/{number}/metrics").json()["items"]
    kept = ("epoch", "step", "loss")
    assert [[line[k] for k in kept] for line in again[: len(lines)]] == [
        [line[k] for k in kept] for line in lines
    ]
    assert "continuing after step" in desk.client.get(f"/v1/jobs/{number}/log").text
    house.close()
    desk.house.home.database = house.home.database


@pytest.mark.slow
def test_a_process_that_gets_further_may_die_often_and_loses_nothing(desk, tmp_path):
    config = config_in(tmp_path, epochs=40, batch_tokens=40, checkpoint={"steps": 1})
    number = desk.submit(config)
    reached = 0.0
    for _ in range(3):
        worker = desk.running(number)
        until(lambda r=reached: (desk.house.runner.done.get(number) or 0) > r + 0.02, 60)
        reached = desk.house.runner.done[number]
        os.kill(worker.pid, signal.SIGKILL)
        until(lambda w=worker: desk.house.runner._workers.get(number) is not w)
    job = desk.ended(number)
    assert (job["state"], job["attempt"]) == ("succeeded", 4), job["error"]
    assert job["result"]["digest"] == digest_of(config, tmp_path / "here", training_threads())


def test_a_process_that_dies_three_times_without_getting_further_fails(desk):
    number = desk.long()
    for attempt in (1, 2, 3):
        until(lambda a=attempt: desk.job(number)["attempt"] == a)
        worker = until(lambda: desk.house.runner._workers.get(number))
        os.kill(worker.pid, signal.SIGKILL)
        until(lambda w=worker: desk.house.runner._workers.get(number) is not w)
    job = desk.ended(number)
    (fault,) = job["error"]["faults"]
    assert (job["state"], job["attempt"]) == ("failed", 3)
    assert fault["sentence"] == (
        "its process was ended 3 times without getting further than 0% of the job, the last time "
        "by signal 9; that is mostly too little memory for it: give the job more, or smaller "
        "batches."
    )


@pytest.mark.slow
def test_a_process_that_stands_still_for_a_while_is_nobody_s_prey(desk, tmp_path):
    number = desk.submit(config_in(tmp_path, epochs=40))
    worker = desk.running(number)
    os.kill(worker.pid, signal.SIGSTOP)
    time.sleep(0.7)
    assert desk.job(number)["state"] == "running"
    os.kill(worker.pid, signal.SIGCONT)
    job = desk.ended(number)
    assert (job["state"], job["attempt"]) == ("succeeded", 1)


@pytest.mark.slow
def test_an_upload_that_goes_takes_its_check_along(desk, tmp_path):
    desk.client.put("/v1/taggers/c", json={"config": {"task": "tagging"}})
    upload = desk.upload(tmp_path / "train.conll", "c")
    assert desk.client.delete(f"/v1/taggers/c/datasets/{upload}").status_code == 204
    number = desk.submit()
    assert desk.ended(number)["state"] == "succeeded"
    assert desk.client.get("/v1/jobs", params={"tagger": "c"}).json()["items"] == []


@pytest.mark.slow
def test_what_is_cancelled_while_its_last_process_saves_is_looked_at_no_more(house, tmp_path):
    desk = Desk(house, tmp_path)
    number = desk.submit()
    house.home.database.write(lambda rows: jobs.claim(rows, number, 1)).result()
    house.home.database.write(jobs.recover).result()
    house.home.job_folder(number).mkdir()
    held = ClaimedFolder(house.home.run_folder(number), "run", (), False, False)
    house.runner.start()
    until(lambda: desk.job(number)["saving"])
    assert desk.client.post(f"/v1/jobs/{number}/cancel").json()["state"] == "cancelled"
    until(lambda: not house.runner.saving)
    held.close()


@pytest.mark.slow
def test_sigterm_for_all_processes_of_a_service_saves(desk):
    """As systemd sends it: the process of the job hears it too."""
    number = desk.long()
    worker = desk.running(number)
    os.kill(worker.pid, signal.SIGTERM)
    until(lambda: desk.job(number)["attempt"] == 2)
    desk.running(number)
    assert "continuing after step" in desk.client.get(f"/v1/jobs/{number}/log").text


@pytest.mark.slow
def test_a_job_beyond_its_memory_fails_with_a_sentence(desk):
    config = {**desk.config, "model": {"hidden": {"activation": "relu", "units": 65_536}}}
    job = desk.ended(desk.submit(config, memory=100 << 20))
    (fault,) = job["error"]["faults"]
    assert "memory" in fault["sentence"]  # libraries may end the process where they get none


@pytest.mark.slow
def test_a_job_waits_while_its_last_process_is_saving(house, tmp_path):
    desk = Desk(house, tmp_path)
    number = desk.submit()
    job = house.home.database.write(lambda rows: jobs.claim(rows, number, 1)).result()
    assert job["attempt"] == 1
    house.home.database.write(jobs.recover).result()
    house.home.job_folder(number).mkdir()
    held = ClaimedFolder(house.home.run_folder(number), "run", (), False, False)
    house.runner.start()
    until(lambda: desk.job(number)["saving"])
    assert desk.job(number)["state"] == "queued"
    held.close()
    assert desk.ended(number)["state"] == "succeeded"
    assert not desk.job(number)["saving"]


@pytest.mark.slow
def test_processes_get_no_secrets(desk, monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    number = desk.long()
    pid = desk.running(number).pid
    process = Path(f"/proc/{pid}")
    assert b"SECRET" not in (process / "environ").read_bytes()
    assert os.getpriority(os.PRIO_PROCESS, pid) >= 10
    names = [str(link.readlink()) for link in (process / "fd").iterdir()]
    assert not [name for name in names if "service.sqlite" in name or name.endswith("ice/.lock")]


@pytest.mark.slow
def test_deleting_a_job_leaves_its_version(desk):
    job = desk.ended(desk.submit())
    folder = desk.house.home.job_folder(job["id"])
    assert folder.exists()
    assert desk.client.delete(f"/v1/jobs/{job['id']}").status_code == 204
    assert not folder.exists()
    (version,) = desk.versions()
    assert version["job"] is None
    assert desk.client.get("/v1/taggers/t/versions/1/file").status_code == 200
