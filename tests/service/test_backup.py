"""A copy of a service, and a service made of it: the same digests, aliases and answers."""

from __future__ import annotations

import io
import tarfile

import pytest
from corpora import NAMES
from serving import BYTES, imported, other, promoted, service, serving

from windowclf.errors import RunFolderError
from windowclf.service.backup import restore

NAME = " ".join(next(iter(NAMES)))


@pytest.fixture
def kept(tmp_path, learnt):
    """A service with two versions, a gate, an upload and a waiting job; its copy; what it says."""
    with service(tmp_path / "s", does_jobs=False) as (house, client):
        serving(client, learnt["spans"])
        promoted(client, imported(client, other(learnt["spans"], tmp_path)))
        client.post(
            "/v1/taggers/t/datasets", params={"name": "x.conll"}, content=b"a\tO\n", headers=BYTES
        )
        body = {"kind": "compare", "version": 2, "against": 1, "dataset": 1}
        assert client.post("/v1/taggers/t/jobs", json=body).status_code == 202
        client.put("/v1/taggers/t", json={"gate": {"least": 0.01}})
        made = client.post("/v1/tokens", json={"name": "web", "role": "predict"}).json()["token"]
        answer = client.post("/v1/backup")
        assert answer.status_code == 200
        assert len(answer.content) == int(answer.headers["content-length"])
        said = seen(client)
        assert not list(house.home.blobs.incoming_folder.iterdir())
    copy = tmp_path / "copy.tar"
    copy.write_bytes(answer.content)
    return copy, said, (house.token, made)


def seen(client):
    """What a service says of all that it keeps."""
    places = (
        "taggers",
        "taggers/t/versions",
        "taggers/t/aliases",
        "taggers/t/aliases/production/log",
        "taggers/t/datasets",
        "jobs",
    )
    found = {place: client.get(f"/v1/{place}").json() for place in places}
    found["answer"] = client.post("/v1/taggers/t/predict", json={"text": NAME}).json()
    return found


def test_a_service_made_of_a_copy_is_the_same(kept, tmp_path):
    copy, said, (first, web) = kept
    assert restore(copy, tmp_path / "deep" / "again") == 3
    with service(tmp_path / "deep" / "again", does_jobs=False) as (house, client):
        assert seen(client) == said
        for place in ("datasets/1/content", "versions/1/file"):
            assert client.get(f"/v1/taggers/t/{place}").status_code == 200
        assert house.client(web).get("/v1/taggers").status_code == 200
        assert house.client(first).get("/v1/taggers").status_code == 401  # it got a new one


def test_the_database_comes_first_and_no_token_is_in_it(kept):
    copy, _, tokens = kept
    with tarfile.open(copy) as tar:
        names = tar.getnames()
    assert names[0] == "service.sqlite"
    assert [name for name in names[1:] if not name.startswith("blobs/")] == []
    data = copy.read_bytes()
    assert not any(token.encode() in data for token in tokens)


def with_member(copy, name, data=b"x", kind=tarfile.REGTYPE):
    """The bytes of a copy with another member at its end."""
    out = io.BytesIO(copy.read_bytes())
    with tarfile.open(fileobj=out, mode="a") as tar:
        info = tarfile.TarInfo(name)
        info.size, info.type, info.linkname = len(data), kind, "/etc/passwd"
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda copy: b"", "is no whole backup"),
        (lambda copy: b"no tar at all" * 100, "is no whole backup"),
        (lambda copy: copy.read_bytes()[:600], "is no whole backup"),
        (lambda copy: copy.read_bytes()[: len(copy.read_bytes()) // 2], "is no whole backup"),
        (lambda copy: copy.read_bytes()[:-3000] + b"\1" * 3000, "is no whole backup"),
        (lambda copy: with_member(copy, "../../evil"), "which no backup has"),
        (lambda copy: with_member(copy, "/etc/evil"), "which no backup has"),
        (lambda copy: with_member(copy, "blobs/00/" + "0" * 64), "is not what it was"),
        (
            lambda copy: with_member(copy, "blobs/00/" + "0" * 64, b"", tarfile.SYMTYPE),
            "which no backup has",
        ),
        (lambda copy: with_member(copy, "token"), "which no backup has"),
        (lambda copy: with_member(copy, "service.sqlite"), "cannot be restored"),
    ],
)
def test_a_copy_that_is_not_whole_leaves_nothing(kept, tmp_path, damage, why):
    copy, *_ = kept
    bad = tmp_path / "bad.tar"
    bad.write_bytes(damage(copy))
    there = set(tmp_path.iterdir())
    with pytest.raises(RunFolderError, match=why):
        restore(bad, tmp_path / "again")
    assert set(tmp_path.iterdir()) == there


def test_a_blob_that_is_missing_is_noticed(kept, tmp_path):
    copy, *_ = kept
    bad = tmp_path / "bad.tar"
    with tarfile.open(copy) as tar, tarfile.open(bad, "w") as out:
        for info in tar.getmembers()[:-1]:
            out.addfile(info, tar.extractfile(info))
    with pytest.raises(RunFolderError, match="is missing"):
        restore(bad, tmp_path / "again")


def test_no_folder_that_holds_something_is_touched(kept, tmp_path):
    copy, *_ = kept
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine")
    with pytest.raises(RunFolderError, match="is not empty"):
        restore(copy, tmp_path / "mine")
    with pytest.raises(RunFolderError, match="is not empty"):
        restore(copy, tmp_path / "mine" / "file")
    with pytest.raises(RunFolderError, match="cannot be restored"):
        restore(tmp_path / "nothing.tar", tmp_path / "again")
    (tmp_path / "empty").mkdir()
    assert restore(copy, tmp_path / "empty") == 3
