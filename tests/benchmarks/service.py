"""What a training service takes: its start, its memory, a queue of 1,000 jobs, a large upload.

    python tests/benchmarks/service.py

A real `windowclf serve` in an empty folder. Nothing is trained: the first job lasts.
"""

from __future__ import annotations

import copy
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import corpora

from windowclf import Client, ServerError

JOBS, LARGE = 1000, 256 << 20


def disk(folder: Path) -> float:
    """Milliseconds of an fsync of a small file, the 99th percentile of 200."""
    seconds = []
    with (folder / "probe").open("wb") as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            seconds.append(time.perf_counter() - began)
    return percentile(seconds, 99)


def percentile(seconds: list[float], which: int) -> float:
    """In milliseconds."""
    return 1000 * statistics.quantiles(seconds, n=100)[which - 1]


def memory(pid: int, name: str) -> float:
    """VmRSS or VmHWM of a process, in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0]) / 1000


def processor(pid: int) -> float:
    """Seconds of a core that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start(folder: Path) -> tuple[subprocess.Popen[bytes], Client, float]:
    """A server, its client, and how long it took until it answered."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    began = time.perf_counter()
    command = [sys.executable, "-m", "windowclf", "serve", str(folder), "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while True:
        try:
            Client(f"http://127.0.0.1:{port}")._ask("GET", "/health/ready")
            break
        except ServerError:
            time.sleep(0.005)
    seconds = time.perf_counter() - began
    token = (folder / "token").read_text().strip()
    return process, Client(f"http://127.0.0.1:{port}", token), seconds


def main() -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/tmp")) as place:
        folder = Path(place)
        process, client, seconds = start(folder / "s")
        used, held = processor(process.pid), memory(process.pid, "VmRSS")
        print(f"ready after {seconds:.2f} s, {used:.2f} s of them of a core, with {held:.0f} MB")
        client.make_tagger("t")
        config = corpora.tagging(folder)
        texts = {name: client.upload("t", config["data"][name]) for name in ("train", "dev")}
        config = {k: v for k, v in copy.deepcopy(config).items() if k not in ("output", "data")}
        config["training"] |= {"epochs": 5000, "early_stopping": None}
        times = []
        for seed in range(JOBS):
            body = {**config, "seed": seed}
            began = time.perf_counter()
            client.submit("t", body, **texts)
            times.append(time.perf_counter() - began)
        sync = disk(folder)
        print(
            f"{JOBS:,} jobs submitted: p50 {percentile(times, 50):.1f} ms, p99 "
            f"{percentile(times, 99):.1f} ms; limit 5 ms + 2 fsyncs of {sync:.1f} ms (p99)"
        )
        times = []
        for _ in range(50):
            began = time.perf_counter()
            client.jobs(most=1000)
            times.append(time.perf_counter() - began)
        print(f"{JOBS:,} jobs listed: p50 {percentile(times, 50):.0f} ms")
        large = folder / "large.conll"
        with large.open("wb") as file:
            for _ in range(LARGE >> 20):
                file.write(os.urandom(1 << 20))
        before = memory(process.pid, "VmHWM")
        began = time.perf_counter()
        client.upload("t", large)
        seconds = time.perf_counter() - began
        grown = memory(process.pid, "VmHWM") - before
        print(f"256 MB uploaded in {seconds:.1f} s; the server grew by {grown:.1f} MB")
        began = time.perf_counter()
        process.terminate()
        code = process.wait()
        print(f"SIGTERM while a job runs: exit {code} after {time.perf_counter() - began:.1f} s")
        print(json.dumps({"load": os.getloadavg()[0], "cores": os.cpu_count()}))


if __name__ == "__main__":
    main()
