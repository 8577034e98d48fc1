"""The search for a good config: random settings, successive halving, a process for each trial.

Every trial of a rung is trained from the beginning, for as many epochs as the rung has, since the
schedule of the learning rate depends on them; the best go on to the next rung. A result depends on
the config, the settings and the epochs alone, so that neither the number of processes nor a stop
on the way changes which trial wins.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from windowclf.config.reading import ConfigLike, dump_config
from windowclf.errors import ConfigError, RunFolderError, legible
from windowclf.pipeline.assembly import dictionary_of
from windowclf.pipeline.input_files import looks_beside_config
from windowclf.pipeline.listener import SILENT, Listener
from windowclf.pipeline.reading import layout_of
from windowclf.pipeline.search.folder import SearchFolder
from windowclf.pipeline.search.plan import Search, plan
from windowclf.pipeline.search.trial import Trial
from windowclf.pipeline.texts import other_digests, texts_of
from windowclf.pipeline.training_data import training_data
from windowclf.pipeline.worker import Outcome, RunProcesses
from windowclf.system.arguments import checked_arguments
from windowclf.system.threads import available_cores

WAIT = 0.2  # seconds between two looks at should_stop


@dataclass(frozen=True)
class TuningResult:
    """What a search has found so far."""

    best: Trial | None  # of the longest rung that is whole; None where all trials score the same
    best_path: Path | None  # its config
    trials: tuple[Trial, ...]  # all that have ended, by rung and number
    stopped: bool  # True: should_stop ended the search early


@looks_beside_config
@checked_arguments
def tune(
    config: ConfigLike,
    overrides: Sequence[str] = (),
    *,
    jobs: int | None = None,
    time_budget: float | None = None,
    resume: bool = False,
    overwrite: bool = False,
    listener: Listener = SILENT,
) -> TuningResult:
    """Search the space in the config's section `tune` for what scores best on dev.

    `jobs` processes train at a time, as many as there are cores by default. No rung begins once
    `time_budget` seconds have passed. `resume` keeps the trials that have ended, `overwrite`
    replaces the search in the folder. The listener's `should_stop` is asked a few times a second.
    The files of data.test are never read. A trial that fails is lost and does not end the search.
    Raises ConfigError, DataError or RunFolderError.
    """
    began = time.monotonic()
    if jobs is not None and jobs < 1:
        raise ConfigError(f"--jobs: expected a number from 1 on, found {jobs}.")
    search = plan(config, overrides)
    with closing(SearchFolder(Path(search.tune.output or ""), resume, overwrite)) as folder:
        digests = _read_data(search, folder, listener)
        listener.prepared()
        known = folder.begin(search.config.model_dump(mode="json"), digests)
        _refuse_other_settings(search, folder, known)
        if known:
            listener.notice(f"trials that had ended before and are kept: {len(known)}.")
        end = None if time_budget is None else began + time_budget
        return _climb(search, folder, known, jobs or available_cores(), end, listener)


def _read_data(search: Search, folder: SearchFolder, listener: Listener) -> dict[str, str]:
    """Read all but test once, so that faults of files are known before the first trial.

    The training text is encoded beside the trials' folders, where they all find it. Returns the
    sha256 of the files by name.
    """
    if len(search.settings) < search.tune.trials:
        listener.notice(f"the space has only {len(search.settings)} different trials.")
    config = search.config_of(1, 1, "data.cache_above_mb=0", "data.test=null")
    texts = texts_of(config)
    layout, beside = layout_of(config, texts["train"]), folder.run_folder(1, 1).parent
    data = training_data(config, layout, texts, beside)
    dictionary_of(config, layout, data)
    return {"train": data.digest, **data.file_digests, **other_digests(config, texts)}


def _refuse_other_settings(
    search: Search, folder: SearchFolder, known: Mapping[tuple[int, int], Trial]
) -> None:
    """Raise RunFolderError where a known trial had other settings than the search gives it."""
    for trial in known.values():
        if not 1 <= trial.trial <= len(search.settings):
            continue  # of a search with more trials, and not asked for now
        if trial.settings != search.settings[trial.trial - 1]:
            raise RunFolderError(
                f"{folder.path}: trial {trial.trial} has other settings than this search gives "
                "it; start again with --overwrite."
            )


def _climb(
    search: Search,
    folder: SearchFolder,
    known: dict[tuple[int, int], Trial],
    jobs: int,
    end: float | None,
    listener: Listener,
) -> TuningResult:
    """Train rung by rung, from all trials to the best ones; what the search has found.

    `known` are the trials that have ended, by their key; `end` is the time after which no rung
    begins, None for no such time.
    """
    best, best_path = None, None
    told_apart = len(search.settings) == 1
    entrants = list(range(1, len(search.settings) + 1))
    shown = _Progress(search, listener.searched)
    for rung, epochs in enumerate(search.tune.rungs):
        if rung and end is not None and time.monotonic() >= end:
            listener.notice(f"the time is up before the rung of {epochs} epochs.")
            break
        todo = [trial for trial in entrants if (epochs, trial) not in known]
        shown.begin(rung, len(entrants) - len(todo))
        for trial in _train_all(search, folder, epochs, todo, jobs, listener, shown):
            known[trial.key] = trial
            listener.trial(trial)
        if any((epochs, trial) not in known for trial in entrants):
            return TuningResult(best, best_path, _in_order(known), stopped=True)
        folder.write_trials(known.values())
        of_rung = [known[epochs, trial] for trial in entrants]
        ranked = _ranked(of_rung)
        if not ranked and best is None:
            raise ConfigError(_all_lost(search, known[epochs, entrants[0]]))
        if not ranked:
            listener.notice(f"every trial of {epochs} epochs was lost.")
            break
        told_apart = told_apart or len({trial.score for trial in of_rung}) > 1
        if told_apart and ranked[0].score:
            best = ranked[0]
            best_path = folder.write_best(_best_config(search, best))
        entrants = sorted(trial.trial for trial in ranked[: search.kept(len(entrants))])
    folder.remove_runs()
    return TuningResult(best, best_path, _in_order(known), stopped=False)


def _train_all(
    search: Search,
    folder: SearchFolder,
    epochs: int,
    trials: Sequence[int],
    jobs: int,
    listener: Listener,
    shown: _Progress,
) -> Iterator[Trial]:
    """Train the trials of a rung: each as it ends, by then on the disk.

    Fewer than `trials` where the listener's should_stop says so.
    """
    processes = RunProcesses()

    def train(trial: int) -> Outcome:
        """What comes of a trial, trained in a process of its own."""
        more = [f"output={json.dumps(str(folder.run_folder(epochs, trial)), ensure_ascii=False)}"]
        more += ["data.test=null", "training.threads=1", "data.cache_above_mb=0"]
        try:
            config = search.config_of(epochs, trial, *more)
        except ConfigError as error:
            return Outcome(None, 0, 0.0, str(error))
        return processes.run(config, lambda fraction: shown.set(trial, fraction))

    with ThreadPoolExecutor(jobs) as pool:
        running: dict[Future[Outcome], int] = {pool.submit(train, each): each for each in trials}
        try:
            while running and not listener.should_stop():
                done, _ = wait(running, WAIT, FIRST_COMPLETED)
                for future in done:
                    number = running.pop(future)
                    outcome = asdict(future.result())
                    trial = Trial(epochs, number, search.settings[number - 1], **outcome)
                    folder.append(trial)
                    shown.set(number, 1.0)
                    yield trial
                shown.tell()
        finally:
            processes.close()
            pool.shutdown(cancel_futures=True)


class _Progress:
    """How much of the search is done, in epochs."""

    def __init__(self, search: Search, tell: Callable[[float], None]):
        self._epochs = search.tune.rungs
        self._sizes = search.sizes()
        self._tell = tell
        self._rung, self._known = 0, 0
        self._done: dict[int, float] = {}

    def begin(self, rung: int, known: int) -> None:
        """Say that a rung begins, of which so many trials have ended before."""
        self._rung, self._known, self._done = rung, known, {}

    def set(self, trial: int, fraction: float) -> None:
        """Say which fraction of a trial of the rung is done. Any thread may call this."""
        self._done[trial] = fraction

    def tell(self) -> None:
        """Tell whoever shows it which fraction of the search is done."""
        work = [epochs * size for epochs, size in zip(self._epochs, self._sizes, strict=True)]
        here = self._epochs[self._rung] * (self._known + sum(list(self._done.values())))
        self._tell(min(1.0, (sum(work[: self._rung]) + here) / sum(work)))


def _ranked(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that have a score, the best first; of equal ones the one with the lower number."""
    scored = [(-trial.score, trial.trial, trial) for trial in trials if trial.score is not None]
    return [trial for *_, trial in sorted(scored, key=lambda row: row[:2])]


def _in_order(known: Mapping[tuple[int, int], Trial]) -> tuple[Trial, ...]:
    """The known trials in the order of rungs and numbers."""
    return tuple(known[key] for key in sorted(known))


def _all_lost(search: Search, first: Trial) -> str:
    """A sentence about a search of which every trial was lost, with the first one's reason."""
    return f"{search.name}: tune: every trial was lost; the first one's words: {first.lost}"


def _best_config(search: Search, best: Trial) -> str:
    """YAML that `windowclf train` takes as it is, and where it comes from."""
    output = f"output={json.dumps(f'{search.config.output}-best', ensure_ascii=False)}"
    config = search.config_of(best.epochs, best.trial, output)
    lines = [
        f"Found by windowclf tune: trial {best.trial}, the best of {len(search.settings)} on dev,",
        f"{100 * (best.score or 0):.2f} at epoch {best.best_epoch} of {best.epochs} on one thread. "
        "It differs from",
        f"{json.dumps(search.name)} in",
        *(f"  {legible(path)}: {json.dumps(value)}" for path, value in best.settings.items()),
    ]
    if not best.settings:
        lines[-1] += " nothing but the epochs."
    return "".join(f"# {line}\n" for line in lines) + dump_config(config)
