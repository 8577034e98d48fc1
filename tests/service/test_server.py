"""The server as a process: its start, its end, and the commands that talk to it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import corpora
import pytest
from command_line import run
from long_jobs import LONG, config_in, until

import windowclf
from windowclf import Client, ServerError
from windowclf.client.events import _stream
from windowclf.commands.submission import submitted
from windowclf.service.submitting import training_threads

SERVE = (sys.executable, "-m", "windowclf", "serve")


class Served:
    """A `windowclf serve` of its own."""

    def __init__(self, folder: Path, *options: str):
        self.folder = folder
        self.process = subprocess.Popen(
            [*SERVE, str(folder), "--port", "0", *options], stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr
        self.said = self.process.stderr.readline()
        if " at http" in self.said:
            self.url = self.said.split(" at ")[1].split()[0]

    @property
    def client(self) -> Client:
        return Client(self.url, (self.folder / "token").read_text().strip())

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.wait()
        return code, time.monotonic() - began

    def wait(self) -> int:
        try:
            self.said += self.process.communicate(timeout=20)[1]
        finally:
            self.process.kill()
        return self.process.returncode


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    made = Served(tmp_path_factory.mktemp("served") / "s")
    yield made
    made.end()


@pytest.fixture
def start():
    """Starts servers, none of which outlives the test, whatever comes of that."""
    made: list[Served] = []

    def begin(*arguments: object) -> Served:
        made.append(Served(*arguments))
        return made[-1]

    yield begin
    for each in made:
        each.process.kill()
        each.process.communicate()


@pytest.fixture
def command(served, monkeypatch):
    monkeypatch.setenv("WINDOWCLF_SERVER", served.url)
    token = ["--token-file", str(served.folder / "token")]
    return lambda *words: run([*words, *token])


def config_file(folder: Path, **training: object) -> str:
    return corpora.write(folder / "my.yaml", json.dumps(config_in(folder, **training)))


def test_submit_shows_and_gives_what_train_does(served, command, tmp_path):
    path = config_file(tmp_path, dropout=0.1)
    model = tmp_path / "got.safetensors"
    code, out, err = command("submit", path, "--wait", "--output", str(model), "--tagger", "a")
    assert code == 0, err
    here = tmp_path / "run"
    threads = training_threads()
    code, out_here, err_here = run(["train", path, "--set", f"training.threads={threads}"])
    assert out.split("model: ")[0] == out_here.split("model: ")[0]
    epochs, epochs_here = (
        [line.split()[:3] for line in text.splitlines() if line.strip()[:1].isdigit()]
        for text in (err, err_here)
    )
    assert epochs == epochs_here
    assert len(epochs) == 3
    assert model.read_bytes() == (here / "model.safetensors").read_bytes()
    assert windowclf.load(model).predict([["the", "cat"]])


@pytest.mark.slow
def test_files_of_features_go_along(served, command, tmp_path):
    """The name of a list is the type of its phrases."""
    config = config_in(tmp_path)
    lists = [corpora.write(tmp_path / f"{name}.txt", "cat\nold cat\n") for name in ("a", "b")]
    brown = corpora.write(tmp_path / "brown.tsv", "0110\tcat\n0111\tdog\n")
    config["features"]["use"] += [
        {"kind": "gazetteer", "path": str(tmp_path / "?.txt"), "dim": 2, "min_count": 1},
        {"kind": "cluster", "path": brown, "prefixes": [2], "dim": 2},
    ]
    path = corpora.write(tmp_path / "my.yaml", json.dumps(config))
    model = tmp_path / "got.safetensors"
    code, _, err = command("submit", path, "--wait", "--output", str(model), "--tagger", "f")
    assert code == 0, err
    assert run(["train", path, "--set", f"training.threads={training_threads()}"])[0] == 0
    assert model.read_bytes() == (tmp_path / "run" / "model.safetensors").read_bytes()
    assert len({served.client.upload("f", each)["digest"] for each in lists}) == 1


def test_submit_sends_no_file_twice(served, command, tmp_path, monkeypatch):
    path = config_file(tmp_path, dropout=0.3)
    assert command("submit", path)[0] == 0
    sent = []
    request = http.client.HTTPConnection.request

    def heard(self, method, url, body=None, headers=None, **more):
        sent.append((method, url.partition("?")[0], body is not None))
        return request(self, method, url, body, headers or {}, **more)

    monkeypatch.setattr(http.client.HTTPConnection, "request", heard)
    code, out, _ = command("submit", path, "--set", "seed=9")
    assert code == 0
    assert out.startswith("job ")
    assert ("POST", "/v1/taggers/my/datasets", False) in sent
    assert ("POST", "/v1/taggers/my/datasets", True) not in sent


@pytest.mark.slow
def test_a_fault_has_the_exit_code_and_the_words_of_train(command, tmp_path):
    path = config_file(tmp_path)
    corpora.write(tmp_path / "train.conll", "the\tD\ncat\n\n")
    code, _, err = command("submit", path, "--wait")
    here, _, err_here = run(["train", path])
    assert code == here == 1
    assert "train.conll:2: expected" in err
    assert err_here.splitlines()[-1].endswith(err.splitlines()[-1])
    code, _, err = command("submit", path, "--set", "training.epochs=0")
    assert code == 1
    assert err == f"{path}: training.epochs: expected a number of at least 1, found 0.\n"


@pytest.mark.slow
def test_leaving_a_wait_leaves_the_job(served, command, tmp_path):
    path = config_file(tmp_path, **LONG)
    words = [sys.executable, "-m", "windowclf", "submit", path, "--wait", "--server", served.url]
    words += ["--token-file", str(served.folder / "token")]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        number = until(lambda: [j for j in served.client.jobs("my") if j["state"] == "running"])
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    number = number[0]["id"]
    assert process.returncode == 130
    assert err.endswith(f"Job {number} goes on; see `windowclf jobs show {number}`.\n")
    until(lambda: served.client.job(number)["done"] is not None)
    assert "running" in command("jobs", "show", str(number))[1]
    assert command("jobs", "cancel", str(number))[0] == 0
    until(lambda: served.client.job(number)["state"] == "cancelled")
    assert f"{number} " in command("jobs")[1]
    assert "starting afresh" in command("jobs", "log", str(number))[1]
    retried = json.loads(command("jobs", "retry", str(number), "--json")[1])
    assert retried["retry_of"] == number
    command("jobs", "cancel", str(retried["id"]))
    code, _, err = command("jobs", "cancel", str(number))
    assert (code, err) == (1, "the job has cancelled already.\n") or code == 1


def test_what_the_client_says_where_something_is_wrong(served, tmp_path):
    with pytest.raises(ServerError, match="this needs a token") as caught:
        Client(served.url, "x").jobs()
    assert caught.value.status == 401
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ServerError, match="connection refused"):
        Client(f"http://127.0.0.1:{port}").jobs()
    with pytest.raises(ServerError, match="expected a URL"):
        Client("localhost")
    with pytest.raises(ServerError, match="there is no job 999"):
        served.client.job(999)
    assert run(["jobs", "--server", served.url, "--token-file", str(tmp_path / "none")])[0] == 1
    assert run(["jobs", "show", "--server", served.url])[0] == 2


@pytest.mark.slow
def test_events_after_a_line_come_once_each(served, command, tmp_path):
    path = config_file(tmp_path, dropout=0.4)
    command("submit", path, "--tagger", "e", "--wait")
    number = served.client.jobs("e")[0]["id"]
    client = served.client
    whole = [data for event, data in client.events(number) if event == "metrics"]
    later = [data for event, data in client.events(number, 5) if event == "metrics"]
    assert later == whole[5:]
    lines = client._connection.ask("GET", f"/v1/jobs/{number}/metrics")["items"]
    assert whole == lines


@pytest.mark.slow
def test_a_line_is_seen_soon_after_it_was_written(served, tmp_path):
    client = served.client
    path = config_file(tmp_path, epochs=100)
    job = submitted(client, "soon", Path(path), [], False)
    log = served.folder / "jobs" / str(job["id"]) / "run" / "metrics.jsonl"
    written: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            count = log.read_bytes().count(b"\n") if log.exists() else 0
            written.extend([time.monotonic()] * (count - len(written)))
            time.sleep(0.005)

    threading.Thread(target=watch, daemon=True).start()
    late = []
    for n, (_, _data) in enumerate(
        each for each in client.events(job["id"]) if each[0] == "metrics"
    ):
        late.append(time.monotonic() - written[n] if n < len(written) else 0.0)
    over.set()
    assert len(late) >= 150
    assert sorted(late)[len(late) // 2] < 0.5  # all of them on a machine of one's own


@pytest.mark.slow
def test_an_open_event_stream_does_not_hold_the_end(start, tmp_path):
    """SIGTERM: the job that runs is saved and queued, the stream ends, exit code 0."""
    served = start(tmp_path / "s")
    path = config_file(tmp_path, **LONG)
    client = served.client
    number = submitted(client, "t", Path(path), [], False)["id"]
    until(lambda: client.job(number)["done"] is not None)
    stream = _stream(client._connection, number, 0)
    assert next(stream)[0] in ("metrics", "job")
    code, seconds = served.end()
    assert code == 0
    assert seconds < 8
    list(stream)  # it has ended
    again = start(tmp_path / "s")
    assert again.client.job(number)["attempt"] >= 1
    until(lambda: "continuing after step" in again.client.log(number))
    assert again.end(signal.SIGINT)[0] == 130


@pytest.mark.slow
def test_a_request_under_way_is_answered_before_the_end(start, tmp_path):
    served = start(tmp_path / "s")
    served.client.make_tagger("t")
    token = (served.folder / "token").read_text().strip()
    host, _, port = served.url.removeprefix("http://").partition(":")
    head = (
        f"POST /v1/taggers/t/datasets?name=x.conll HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/octet-stream\r\n"
        "Content-Length: 10\r\n\r\nthe\tD"
    )
    with socket.create_connection((host, int(port))) as asking:
        asking.sendall(head.encode())
        time.sleep(0.3)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        asking.sendall(b"\n\n\n\n\n")
        assert asking.recv(1000).startswith(b"HTTP/1.1 201")
    assert served.wait() == 0


@pytest.mark.slow
def test_a_second_ctrl_c_waits_for_no_request(start, tmp_path):
    served = start(tmp_path / "s")
    path = config_file(tmp_path, **LONG)
    number = submitted(served.client, "t", Path(path), [], False)["id"]
    until(lambda: served.client.job(number)["done"] is not None)
    stream = _stream(served.client._connection, number, 0)
    next(stream)
    served.process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert served.end(signal.SIGINT)[0] == 130
    list(stream)


@pytest.mark.slow
def test_a_second_server_and_strange_folders_are_refused(start, served, tmp_path):
    second = start(served.folder)
    assert second.said == f"{served.folder}: another server is writing to this folder.\n"
    assert second.wait() == 1
    (tmp_path / "notes.txt").write_text("mine")
    code, _, err = run(["serve", str(tmp_path), "--port", "0"])
    assert code == 1
    assert "holds notes.txt and no service" in err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    port = served.url.rpartition(":")[2]
    code, _, err = run(["serve", str(tmp_path / "s"), "--port", port])
    assert code == 1
    assert "address already in use" in err
    code, _, err = run(["serve", str(tmp_path / "s"), "--host", "0.0.0.0", "--no-token"])
    assert (code, err.startswith("--no-token: ")) == (1, True)
    assert not (tmp_path / "s").exists()


@pytest.mark.slow
def test_without_a_token_on_this_machine_only(start, tmp_path):
    served = start(tmp_path / "s", "--no-token")
    assert Client(served.url).jobs() == []
    assert served.end()[0] == 0


def test_a_large_upload_is_not_held_in_memory(served, tmp_path):
    client = served.client
    client.make_tagger("big")

    def memory() -> int:
        status = Path(f"/proc/{served.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) << 10

    with (tmp_path / "big.conll").open("wb") as file:
        file.truncate(64 << 20)
    small = corpora.write(tmp_path / "small.conll", "the\tD\n\n")
    client.upload("big", small)
    before = memory()
    assert client.upload("big", tmp_path / "big.conll")["size"] == 64 << 20
    assert memory() - before < 8 << 20


def test_a_server_speaks_to_nobody_and_the_client_needs_nothing(tmp_path):
    code = (
        "import sys; from windowclf.client import Client; Client('http://x'); import windowclf; "
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'fastapi', 'starlette', 'uvicorn', "
        "'pydantic', 'numpy', 'scipy', 'yaml', 'rich', 'typer', 'sqlite3'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_what_to_install_where_the_extra_is_missing(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    for name in [each for each in sys.modules if each.startswith("windowclf.service.server")]:
        monkeypatch.delitem(sys.modules, name)
    code, _, err = run(["serve", str(tmp_path / "s")])
    assert (code, err) == (1, "serve: uvicorn is not installed; pip install 'windowclf[serve]'.\n")


def test_the_environment_of_the_client_is_no_key_of_a_config(monkeypatch):
    for name in ("WINDOWCLF_SERVER", "WINDOWCLF_TOKEN"):
        monkeypatch.setitem(os.environ, name, "x")
    assert windowclf.overrides_from_environment() == []
