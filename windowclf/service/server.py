"""The server: a socket, the application behind it, and what signals do."""

from __future__ import annotations

import logging
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from windowclf.errors import WindowclfError
from windowclf.service.access import is_loopback
from windowclf.service.app import create_app
from windowclf.service.home import Home
from windowclf.service.runner import Runner
from windowclf.service.serving import Service
from windowclf.system.durable import reason

SECONDS_TO_ANSWER = 2  # requests that are under way when a signal comes
MOST_CONNECTIONS = 1000


@dataclass(frozen=True)
class Settings:
    """Where a server keeps what it knows, and who may call it."""

    folder: Path
    host: str
    port: int  # 0: any that is free
    hosts: Sequence[str]  # names by which it may be called
    open_to_all: bool  # no token is asked for
    most_upload: int  # bytes
    most_models: int  # in memory at a time


def serve(settings: Settings) -> int:
    """Serve until a signal comes; the number of that signal. Raises WindowclfError."""
    if settings.open_to_all and not is_loopback(settings.host):
        raise WindowclfError(
            f"--no-token: other machines can reach {settings.host}; leave --host or --no-token out."
        )
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with closing(_bound(settings.host, settings.port)) as listening:
        home = Home(settings.folder)
        with closing(home):
            runner = Runner(home)
            service = Service(
                home, runner, settings.open_to_all, settings.most_upload, settings.most_models
            )
            names = [*settings.hosts, _in_url(settings.host)]
            server = _Server(service, uvicorn.Config(create_app(service, names), **_HOW))
            server.begun = _beginning(settings, listening, home)
            try:
                server.run([listening])
            finally:
                runner.stop()  # after a second Ctrl-C, too
    return server.signalled


_HOW: dict[str, Any] = {
    "access_log": False,
    "date_header": True,
    "limit_concurrency": MOST_CONNECTIONS,
    "log_config": None,
    "proxy_headers": False,
    "server_header": False,
    "timeout_graceful_shutdown": SECONDS_TO_ANSWER,
}


class _Server(uvicorn.Server):
    """Ends at a signal: what is asked is answered, and jobs that run go back into the queue."""

    signalled = 0
    begun = ""  # what to say once it answers

    def __init__(self, service: Service, config: uvicorn.Config):
        super().__init__(config)
        self._service = service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        await super().startup(sockets)
        print(self.begun, file=sys.stderr, flush=True)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end; a second signal of Ctrl-C waits for no request."""
        if self.signalled and sig == signal.SIGINT:
            self.force_exit = True
        self.signalled = self.signalled or sig
        self.should_exit = True
        self._service.draining.set()
        threading.Thread(target=self._service.runner.drain).start()  # it takes a lock


def _bound(host: str, port: int) -> socket.socket:
    """A socket at an address. Raises WindowclfError."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        raise WindowclfError(
            f"cannot listen at {host}:{port}, {reason(error)}; choose others with --host and "
            "--port."
        ) from error


def _in_url(host: str) -> str:
    """An address as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def _beginning(settings: Settings, listening: socket.socket, home: Home) -> str:
    """What to say of a server that answers now."""
    port = listening.getsockname()[1]
    lines = [f"serving {home.path} at http://{_in_url(settings.host)}:{port} (Ctrl-C ends it)"]
    if home.recovered:
        numbers = ", ".join(map(str, home.recovered))
        lines.append(f"note: jobs that go on where they were: {numbers}.")
    if settings.open_to_all:
        lines.append("note: whoever can reach this machine's own address may do anything here.")
    else:
        lines.append(f"its first token is in {home.token_path}")
    if not is_loopback(settings.host):
        lines.append("note: this is http; tokens can be read on the way unless TLS is before it.")
    return "\n".join(lines)
