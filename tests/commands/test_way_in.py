"""The way in: help that teaches, words about a slip, completion, a slim install, a built wheel."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import corpora
import pytest
from command_line import run

import windowclf
from windowclf.commands.app import EXAMPLES, FIRST, GROUPS
from windowclf.config.reading import read_config
from windowclf.system.requirements import explained

REPOSITORY = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).parent / "windowclf"
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def shell(command: str, folder: Path, **more: str) -> str:
    """What a command prints in a shell that finds windowclf."""
    path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-ec", command],
        cwd=folder,
        env={**os.environ, "PATH": path, **more},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


def test_every_command_shows_examples_of_itself():
    assert set(EXAMPLES) == {command for group in GROUPS.values() for command in group}
    for command, examples in EXAMPLES.items():
        code, out, _ = run([command.__name__, "--help"])
        assert code == 0
        assert examples
        for example in examples:
            assert f"windowclf {command.__name__}" in example
            assert example in out, example  # in one line, to be copied


def test_help_begins_with_the_first_three_commands():
    _, out, _ = run(["--help"])
    places = [out.index(f" {command}") for command in FIRST]
    assert places == sorted(places)
    assert [re.findall("windowclf (.*?)(?: |$)", command)[-1] for command in FIRST] == [
        "init",
        "train",
        "predict",
    ]


def test_a_slip_in_a_command_is_answered_with_the_nearest():
    code, _, err = run(["trian", "x.yaml"])
    assert code == 2
    assert "Did you mean 'train'?" in err


def test_version():
    assert run(["--version"]) == (0, f"windowclf {windowclf.__version__}\n", "")
    assert PROJECT["version"] == windowclf.__version__
    assert "--version" in run(["--help"])[1]
    assert run(["--version", "-h"])[0] == 0


@pytest.mark.parametrize("command", ["train", "plan", "tune", "gradcheck"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.conll", "Anna\tB-PER\nruns\tO\n\n" * 40),
        ("x.txt", "Anna B-PER\nruns O\n\n" * 40),
        ("x.jsonl", '{"tokens": ["Anna", "runs"], "labels": ["B-PER", "O"]}\n'),
        ("x y.jsonl", '{"tokens": ["Anna", "runs"], "labels": ["B-PER", "O"]}\n' * 40),
        ("x.csv", corpora.slots_rows(60, 1)),
        ("x.conllu", corpora.conllu(corpora.tagged_sentences(40, 1))),
        ("large.conll", "Anna\tB-PER\nruns\tO\n\n" * 80_000),
    ],
)
def test_data_in_place_of_a_config(command, name, content, tmp_path, monkeypatch):
    """One sentence, and what it recommends works."""
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    code, out, err = run([command, str(path)])
    assert (code, out) == (1, "")
    (advice,) = re.findall("`windowclf (.*)`", err)
    assert err.startswith(f"{path}: expected a config (YAML), found what seems to be data; ")
    assert err.count("\n") == 1
    if command == "train" and name != "large.conll":
        monkeypatch.chdir(tmp_path)
        code, out, err = run(shlex.split(advice))
        assert (code, err) == (0, "")
        assert "  windowclf train " in out


def test_a_config_of_any_name_is_one(tmp_path):
    config = windowclf.init(tmp_path, task="slots").config
    for name in ("config.txt", "config", "config.conf"):
        shutil.copy(config, tmp_path / name)
        assert read_config(tmp_path / name).task == "slots"
    (tmp_path / "bad.yaml").write_text("a b c", encoding="utf-8")
    assert "expected keys such as task" in run(["train", str(tmp_path / "bad.yaml")])[2]


# Completion


def test_bash_completes(tmp_path):
    script = 'eval "$(_WINDOWCLF_COMPLETE=source_bash windowclf)"; '
    ask = '_windowclf_completion windowclf; echo "${COMPREPLY[@]}"'
    commands = shell(f'{script} COMP_WORDS=(windowclf ""); COMP_CWORD=1; {ask}', tmp_path)
    assert set(commands.split()) == {command.__name__ for command in EXAMPLES}
    options = shell(f"{script} COMP_WORDS=(windowclf train --re); COMP_CWORD=2; {ask}", tmp_path)
    assert options.split() == ["--resume"]
    values = shell(f'{script} COMP_WORDS=(windowclf init --task ""); COMP_CWORD=3; {ask}', tmp_path)
    assert set(values.split()) == set(corpora.TASKS)


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh")
def test_zsh_completes(tmp_path):
    script = (
        "_arguments() { print -r -- $@ }; compdef() { : }; "
        'eval "$(_WINDOWCLF_COMPLETE=source_zsh windowclf)"; '
        "words=(windowclf TYPED); CURRENT=$#words; _windowclf_completion"
    )
    for typed, expected in (("gr", '"gradcheck":'), ("train --re", '"--resume":')):
        out = shell(f"zsh -f -c '{script.replace('TYPED', typed)}'", tmp_path)
        assert expected in out


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish")
def test_fish_completes(tmp_path):
    script = "_WINDOWCLF_COMPLETE=source_fish windowclf | source; complete -C"
    commands = shell(f"fish --no-config -c '{script} \"windowclf \"'", tmp_path).splitlines()
    assert {line.split("\t")[0] for line in commands} == {c.__name__ for c in EXAMPLES}


@pytest.mark.parametrize("name", ["zsh", "fish"])
@pytest.mark.slow
def test_other_shells_are_answered(name, tmp_path):
    """What their scripts ask for, and that the scripts are there."""
    assert "windowclf" in shell("windowclf", tmp_path, _WINDOWCLF_COMPLETE=f"source_{name}")
    asked = {"_WINDOWCLF_COMPLETE": f"complete_{name}", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    commands = shell("windowclf", tmp_path, **asked, _TYPER_COMPLETE_ARGS="windowclf ")
    assert all(command.__name__ in commands for command in EXAMPLES)
    options = shell("windowclf", tmp_path, **asked, _TYPER_COMPLETE_ARGS="windowclf train --")
    assert all("--" in line.split("\t")[0][:25] for line in options.splitlines())  # one a line
    assert "--resume" in options


@pytest.mark.slow
def test_completion_is_installed_where_the_shell_reads_it(tmp_path):
    home = {"HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    assert "_windowclf_completion" in shell("windowclf --show-completion bash", tmp_path, **home)
    shell("windowclf --install-completion bash", tmp_path, **home)
    assert "windowclf" in (tmp_path / ".bashrc").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_shell_that_is_named_is_the_one(tmp_path):
    home = {"HOME": str(tmp_path)}
    assert "#compdef windowclf" in shell("windowclf --show-completion zsh", tmp_path, **home)
    shell("windowclf --install-completion zsh", tmp_path, **home)
    assert "windowclf" in (tmp_path / ".zfunc" / "_windowclf").read_text(encoding="utf-8")
    assert not (tmp_path / ".bashrc").exists()


# A slim install: numpy and safetensors alone.

SLIM = """
import sys
MISSING = "scipy pydantic pydantic_core yaml typer rich threadpoolctl filelock".split()

class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Nowhere())
sys.argv[0] = "windowclf"
"""
COMMAND = "from windowclf.commands.entry import main; main()"


def slim(code: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """What Python does where only numpy and safetensors are installed."""
    return subprocess.run(
        [sys.executable, "-c", SLIM + code, *arguments], input=stdin, capture_output=True, text=True
    )


def test_a_slim_install_tags(learnt, tmp_path):
    model = str(learnt["spans"])
    done = slim(COMMAND, "predict", model, stdin="Anna left Oslo\n")
    assert (done.stdout, done.stderr) == ("[Anna](PER) left [Oslo](LOC)\n", "")
    dev, out = str(learnt["spans"].parent / "dev.conll"), tmp_path / "out.conll"
    assert slim(COMMAND, "predict", model, dev, "-o", str(out), "--probabilities").returncode == 0
    assert run(["predict", model, dev, "--probabilities"])[1] == out.read_text(encoding="utf-8")
    code = (
        "import windowclf; tagger = windowclf.load(sys.argv[1]); "
        "print(tagger.predict_text('Anna left Oslo')[0].text, tagger.predict([['Oslo']]))"
    )
    assert slim(code, model).stdout == "Anna [['B-LOC']]\n"
    assert slim(COMMAND, "--version").stdout == f"windowclf {windowclf.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        *([command.__name__, "x"] for command in EXAMPLES),
        ["--help"],
        [],
        ["predict", "x", "--jobs", "2"],
    ],
    ids=" ".join,
)
def test_a_slim_install_names_what_a_command_lacks(arguments):
    done = slim(COMMAND, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    if arguments == ["predict", "x"]:
        assert done.stderr.startswith("x: no such file; from the working directory that is ")
        return
    what = " ".join(["windowclf", *arguments[:1]])
    assert done.stderr.startswith(f"{what} needs ")
    assert "not installed: pip install " in done.stderr


def test_a_slim_install_names_what_a_function_lacks():
    done = slim("import windowclf; windowclf.train({})")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: windowclf.train needs ")


def test_what_is_missing_is_named_with_the_line_that_installs_it(monkeypatch):
    lacking = {"pyyaml", "rich"}
    monkeypatch.setattr(
        "windowclf.system.requirements._is_installed", lambda name: name not in lacking
    )
    found = explained(ModuleNotFoundError(name="yaml.reader"), "windowclf train")
    line = {
        name: next(d for d in PROJECT["dependencies"] if d.startswith(name)) for name in lacking
    }
    assert str(found) == (
        "windowclf train needs pyyaml, rich, which are not installed: "
        f'pip install "{line["pyyaml"]}" "{line["rich"]}"'
    )
    assert explained(ModuleNotFoundError(name="torch"), "x") is None


# The package


def test_the_package_says_whose_it_is():
    assert PROJECT["authors"] == [{"name": "The windowclf developers"}]
    assert "Typing :: Typed" in PROJECT["classifiers"]
    assert (REPOSITORY / "windowclf" / "py.typed").exists()


def test_the_wheel_has_every_quickstart():
    tool = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    packed = tool["hatch"]["build"]["targets"]["wheel"]["force-include"]
    for source, target in packed.items():
        assert (REPOSITORY / source).exists()
        assert target == f"windowclf/quickstart/{source}"
    assert {source for source in packed if source.startswith("data/")} == {
        f"data/{task}" for task in corpora.TASKS
    }


@pytest.mark.slow
def test_a_wheel_in_an_empty_folder_leads_all_the_way(tmp_path):
    """Built, installed in a fresh environment, and every example of every help in its order."""
    source, empty = tmp_path / "source", tmp_path / "empty"
    source.mkdir()
    empty.mkdir()
    for name in ("windowclf", "configs", "data"):
        shutil.copytree(REPOSITORY / name, source / name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    build = f"'{sys.executable}' -m pip -q wheel --no-deps -w wheels ./source"
    make = f"'{sys.executable}' -m venv venv && venv/bin/pip -q install wheels/*.whl"
    shell(f"{build} && {make}", tmp_path)
    fresh = {"PATH": f"{tmp_path}/venv/bin{os.pathsep}{os.environ['PATH']}"}
    done = shell("windowclf init", empty, **fresh)
    train, predict = (line.strip() for line in done.splitlines()[-2:])
    assert "test" in shell(train, empty, **fresh)
    assert "[Amina Rossi](PERSON)" in shell(predict, empty, **fresh)
    for command, examples in EXAMPLES.items():
        for example in examples if command not in GROUPS["serve"] else ():
            again = " --overwrite" if command.__name__ == "train" else ""
            assert shell(example + again, empty, **fresh) or "-o " in example, example
    mine = shell("windowclf init own --data data/spans/dev.conll", empty, **fresh)
    train, predict = (line.strip() for line in mine.splitlines()[-2:])
    shell(train, empty, **fresh)
    assert shell(predict, empty, **fresh)
