"""The commands and the client of a service that serves, against one in its own process."""

from __future__ import annotations

import json

import corpora
import pytest
from command_line import run
from long_jobs import config_in
from serving import other
from test_server import Served

from windowclf import Client, ServerError

WORDS = list(corpora.TAGS)[:3]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    made = Served(tmp_path_factory.mktemp("served") / "s")
    yield made
    made.end()


@pytest.fixture
def command(served, monkeypatch):
    monkeypatch.setenv("WINDOWCLF_SERVER", served.url)
    monkeypatch.delenv("WINDOWCLF_TOKEN", raising=False)
    token = ["--token-file", str(served.folder / "token")]
    return lambda *words: run([*words, *token])


def config_file(folder, **training):
    return corpora.write(folder / "my.yaml", json.dumps(config_in(folder, **training)))


@pytest.mark.slow
def test_a_training_that_is_better_serves(served, command, tmp_path):
    path = config_file(tmp_path)
    submit = ("submit", path, "--tagger", "a", "--wait", "--promote-if-better")
    code, out, err = command(*submit, "--set", "training.epochs=1")
    assert code == 0, err
    assert "production of a: version 1" in out  # nothing served
    code, out, err = command(*submit, "--set", corpora.LEARN)
    assert code == 0, err
    assert "production of a: version 2" in out
    assert "comparing version 2 with 1" in err
    code, out, err = command(*submit, "--set", "training.epochs=2")
    assert code == 0, err
    assert "not promoted: accuracy of version 3 is that of version 2 -" in out
    client = served.client
    assert client.predict("a", sentences=[WORDS])["model"]["version"] == 2
    log = client.alias_log("a")
    assert [(entry["before"], entry["after"]) for entry in log] == [(1, 2), (None, 1)]
    assert log[0]["p_value"] <= 0.05
    assert log[0]["why"].startswith("job ")
    assert client.version("a", 2)["scores"]["dev"]["accuracy"] == 1


def test_promote_and_back(served, command, learnt, tmp_path):
    client = served.client
    client.make_tagger("b")
    for model in (learnt["tagging"], other(learnt["tagging"], tmp_path)):
        client.import_version("b", model)
    assert command("promote", "b", "1")[0] == 0
    code, out, _ = command("promote", "b", "2", "--why", "because", "--json")
    assert (code, json.loads(out)["version"]) == (0, 2)
    code, out, _ = command("promote", "b", "--rollback")
    assert (code, out.split(" (")[0]) == (0, "production of b: version 1")
    assert [entry["why"] for entry in client.alias_log("b")] == ["rollback", "because", ""]
    assert command("promote", "b")[0] == command("promote", "b", "1", "--rollback")[0] == 2
    code, _, err = command("promote", "b", "7")
    assert (code, err) == (1, "there is no version 7 of a tagger b.\n")
    client.remove_version("b", 2)
    assert [version["version"] for version in client.versions("b")] == [1]
    client.remove_alias("b", "production")
    assert client.aliases("b") == []


def test_the_client_asks_for_labels(served, learnt):
    client = served.client
    client.make_tagger("c")
    client.promote("c", client.import_version("c", learnt["spans"])["version"])
    text = f"😀 {' '.join(next(iter(corpora.NAMES)))}"
    (one,) = client.predict("c", text)["results"]
    (many,) = client.predict("c", [text], offsets="utf16")["results"]
    assert [s["start"] + 1 for s in one["spans"]] == [s["start"] for s in many["spans"]]
    with pytest.raises(ServerError, match="expected a number from 0 to 1"):
        client.predict("c", text, min_score=7)
    client.make_tagger("d")
    client.promote("d", client.import_version("d", learnt["slots"])["version"])
    with pytest.raises(ServerError, match="expected rows"):
        client.predict("d", text)


def test_tokens_by_command(served, command):
    code, out, _ = command("token", "make", "web", "--role", "predict", "--days", "1")
    assert code == 0
    token = out.strip()
    assert Client(served.url, token).taggers() is not None
    with pytest.raises(ServerError, match="role admin"):
        Client(served.url, token).tokens()
    assert command("token")[1] == "first\tadmin\nweb\tpredict\n"
    assert command("token", "remove", "web")[0] == 0
    with pytest.raises(ServerError, match="needs a token"):
        Client(served.url, token).taggers()
    assert command("token", "remove")[0] == 2


@pytest.mark.slow
def test_backup_and_restore_by_command(served, command, learnt, tmp_path):
    client = served.client
    client.make_tagger("e")
    client.promote("e", client.import_version("e", learnt["spans"])["version"])
    text = " ".join(next(iter(corpora.NAMES)))
    before = client.predict("e", text)
    assert command("backup", str(tmp_path / "copy.tar"))[0] == 0
    code, out, _ = run(["restore", str(tmp_path / "copy.tar"), str(tmp_path / "again")])
    assert code == 0
    assert "windowclf serve" in out
    again = Served(tmp_path / "again")
    try:
        assert again.client.predict("e", text) == before
    finally:
        again.end()
    code, _, err = run(["restore", str(tmp_path / "copy.tar"), str(tmp_path / "again")])
    assert (code, err.count("\n")) == (1, 1)
    assert "is not empty" in err
