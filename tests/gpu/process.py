"""A command with a time limit, which leaves no process behind."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import signal
import subprocess
import time


@dataclasses.dataclass
class Ended:
    code: int | None  # None: it was stopped at its limit
    output: str  # both streams
    seconds: float


def processes_of_session(session):
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended meanwhile
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                yield int(entry.name)


def stop_session(process, grace_s=3.0):
    """Asks all of the session to end, and ends those that are left: mpirun and its ranks have
    process groups of their own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in processes_of_session(process.pid):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        deadline = time.monotonic() + grace_s
        while time.monotonic() < deadline and (process.poll() is None or
                                               any(processes_of_session(process.pid))):
            time.sleep(0.05)
    process.wait()


def run(command, environment, log, limit_s, folder=None):
    """Runs it in a session of its own, its output in the file `log`."""
    started = time.monotonic()
    log = pathlib.Path(log)
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as file:
        try:
            process = subprocess.Popen([str(word) for word in command], env=environment, cwd=folder,
                                       stdin=subprocess.DEVNULL, stdout=file,
                                       stderr=subprocess.STDOUT, start_new_session=True)
        except OSError as error:
            return Ended(127, f"{command[0]}: {error.strerror}", 0.0)
        try:
            code = process.wait(timeout=max(limit_s, 0.1))
        except subprocess.TimeoutExpired:
            code = None
        finally:
            stop_session(process)
    output = log.read_text(encoding="utf-8", errors="replace")
    return Ended(code, output, time.monotonic() - started)
