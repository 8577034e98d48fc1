"""Members: each learns as a network alone does, and their scores are averaged."""

from __future__ import annotations

import itertools
import json

import corpora
import numpy as np
import pytest
from command_line import run
from heard import Heard
from small import SMALLEST, problem
from test_all_gradients import LIMIT, RECURRENCES, covering, dense, figures, rest_is_slow

import windowclf
from windowclf.errors import ConfigError
from windowclf.network import members
from windowclf.network.architecture import initialize, parameters_of, with_member
from windowclf.network.gradients import CHAIN
from windowclf.network.gradients import loss_and_gradients as gradients_of_one
from windowclf.system.threads import Workers

OUTPUTS = ["softmax", "one", "many", "crf"]
FORMS = [("none", "none"), ("relu", "none"), ("tanh", "truncated")]
CASES = [(*form, output) for form, output in itertools.product(FORMS, OUTPUTS)]
# Every form and every output; against members alone, below, go all of them.
QUICK = covering(CASES, lambda case: {case[:2], case[2]})


@pytest.mark.parametrize(("activation", "recurrence", "output"), rest_is_slow(CASES, QUICK))
def test_gradients(activation, recurrence, output):
    directions, truncate = RECURRENCES[recurrence]
    p = problem(activation, output, False, directions, truncate, members=2, **SMALLEST)
    errors = figures(p)
    assert set(errors) == set(p.architecture.shapes())
    assert max(errors.values()) < LIMIT, errors


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize(("activation", "recurrence"), FORMS)
def test_every_member_learns_as_it_would_alone(activation, output, recurrence, threads):
    directions, truncate = RECURRENCES[recurrence]
    p = problem(activation, output, True, directions, truncate, members=3)
    workers = Workers(threads)
    J, gradients = members.loss_and_gradients(
        p.architecture, p.parameters, p.batch, p.objective, p.masks, workers=workers
    )
    workers.close()
    own, found, wanted = p.architecture.of_one_member(), dense(p, gradients), []
    for i in range(3):
        alone = {name: p.parameters[with_member(name, i)] for name in own.shapes()}
        masks = p.masks.of_member(i)
        J_i, g = gradients_of_one(own, alone, p.batch, p.objective, masks)
        wanted.append(J_i)
        for name, gradient in g.items():
            part = found[with_member(name, i)]
            rows = getattr(gradient, "rows", slice(None))
            values = getattr(gradient, "values", gradient)
            np.testing.assert_allclose(3 * part[rows], values, rtol=1e-12, atol=1e-15)
    assert pytest.approx(np.mean(wanted), rel=1e-14) == J


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("output", OUTPUTS)
def test_scores_are_the_mean(output, count):
    p = problem("relu", output, members=count)
    own = p.architecture.of_one_member()
    parts = [
        members.scores(own, parameters_of(own, p.parameters, i), p.batch) for i in range(count)
    ]
    theta = members.scores(p.architecture, p.parameters, p.batch)
    np.testing.assert_allclose(theta, np.mean(parts, axis=0), rtol=1e-12, atol=1e-14)
    if output == "crf":
        for name, mean in zip(CHAIN, members.chain(p.architecture, p.parameters), strict=True):
            each = [p.parameters[with_member(name, i)] for i in range(count)]
            np.testing.assert_allclose(mean, np.mean(each, axis=0), rtol=1e-14)


def test_members_begin_apart_and_the_first_as_a_network_alone():
    many = initialize(problem("relu", members=2, units=200).architecture, 1, "float64")
    alone = initialize(problem("relu", units=200).architecture, 1, "float64")
    for name, p in alone.items():
        assert (many[name] == p).all()
        assert not p.any() or (many[with_member(name, 1)] != p).any()
    assert np.std(many["W@2"]) == pytest.approx(np.std(many["W"]), rel=0.1)


@pytest.mark.parametrize("output", ["softmax", "crf"])
def test_a_run(tmp_path, output):
    """Trained, loaded, cached and not, one sentence or many."""
    config = corpora.tagging(tmp_path)
    settings = ["model.members=3", f"model.output={output}", corpora.LEARN]
    result = windowclf.train(config, settings)
    assert result.evaluations["dev"]["accuracy"] == 1.0
    assert windowclf.info(result.model_path)["parameters"]["b1@3"] == [8]
    cached, plain = (
        windowclf.load(result.model_path),
        windowclf.load(result.model_path, options=windowclf.TagOptions(cache_mb=0)),
    )
    text = [list(corpora.TAGS), ["cat"], list(corpora.TAGS)[::-1]]
    assert cached.predict(text) == plain.predict(text)
    for a, b in zip(cached.predict_proba(text), plain.predict_proba(text), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(a.sum(axis=1), 1, rtol=1e-5)


def test_stopped_and_resumed(tmp_path):
    config = corpora.tagging(tmp_path)
    settings = ["model.members=3", "model.output=crf"]
    windowclf.train(config, settings)
    config["output"] = str(tmp_path / "again")
    steps = iter(range(5))
    stopped = windowclf.train(
        config, settings, listener=Heard(stop=lambda: next(steps, None) is None)
    )
    assert stopped.stopped
    windowclf.train(config, settings, resume=True)
    assert corpora.digest(tmp_path / "again") == corpora.digest(tmp_path / "run")


def test_the_users_own_check_looks_at_every_member(tmp_path):
    path = corpora.write(tmp_path / "c.yaml", json.dumps(corpora.tagging(tmp_path)))
    code, out, _ = run(["gradcheck", path, "--set", "model.members=2"])
    assert code == 0
    assert "W@2" in out


def test_members_are_counted_from_one(tmp_path):
    with pytest.raises(ConfigError, match=r"model\.members"):
        windowclf.train(corpora.tagging(tmp_path), ["model.members=0"])
