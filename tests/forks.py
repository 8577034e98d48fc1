"""Fork while thirty threads tag, each child tagging too: exit 0 if every child ends.

    python tests/forks.py MODEL

With BLAS at its own number of threads, as long as that is more than one, this used to hang.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
import time

import numpy as np

import windowclf

THREADS, FORKS, SECONDS = 30, 3, 20.0


def sentences(seed: int) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    return [[f"w{i}" for i in rng.integers(0, 3000, 40)] for _ in range(40)]


def main(model: str) -> int:
    tagger = windowclf.load(model)

    def work(first: int) -> None:
        for seed in itertools.count(first):
            tagger.predict(sentences(seed))

    for i in range(THREADS):
        threading.Thread(target=work, args=(1000 * i,), daemon=True).start()
    time.sleep(0.3)
    children = set()
    for i in range(FORKS):
        child = os.fork()
        if child == 0:
            tagger.predict(sentences(i))
            os._exit(0)
        children.add(child)
        time.sleep(0.1)
    end = time.monotonic() + SECONDS
    while children and time.monotonic() < end:
        children -= {child for child in children if os.waitpid(child, os.WNOHANG)[0]}
        time.sleep(0.05)
    for child in children:
        os.kill(child, signal.SIGKILL)
    return len(children)


if __name__ == "__main__":
    os._exit(main(sys.argv[1]))  # the threads go with the process
