"""Running a program in a process of its own.

Most of a program's time is spent on importing what the package stands on. So a server has imported all of that, the
package too, has used nothing of it, and forks a process for each program, which ends as any interpreter does.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

# A signal between open() and its `with` closes the file at once, and Python says that nobody did.
CLOSED_BY_COUNTING = {"PYTHONWARNINGS": "error,ignore::ResourceWarning"}

_SERVER = """
import builtins, json, os, socket, sys, types, warnings
import lpcurr
lpcurr.Curriculum  # and with it numba and all kernels, none of which is loaded yet
wire = socket.socket(fileno=int(sys.argv[1]))
child = 1
while child:
    message, files, _, _ = socket.recv_fds(wire, 2**20, 2)
    if not message:
        sys.exit()
    child = os.fork()
    if child:
        wire.send(str(child).encode())
        for file in files:
            os.close(file)
        wire.send(str(os.waitpid(child, 0)[1]).encode())
wire.close()
for number, file in enumerate(files, start=1):
    os.dup2(file, number)
    os.close(file)
code, sys.argv[1:], environment, folder = json.loads(message)
os.chdir(folder)
os.environ.clear()
os.environ.update(environment)
for option in filter(None, environment.get("PYTHONWARNINGS", "").split(",")):
    action, _, category = option.partition("::")
    warnings.simplefilter(action, getattr(builtins, category or "Warning"))
sys.modules["__main__"] = types.ModuleType("__main__")
exec(compile(code, "<string>", "exec"), sys.modules["__main__"].__dict__)
"""


@functools.cache
def _server() -> socket.socket:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", _SERVER, str(far.fileno())]
    process = subprocess.Popen(command, env=environment, pass_fds=[far.fileno()], stdin=subprocess.DEVNULL)
    far.close()

    def end() -> None:
        near.close()
        process.wait()

    atexit.register(end)
    return near


def run_code(
    code: str, *arguments: str, timeout: float = 300.0, cwd: str | Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program; how it ended, and what it said."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    command = [sys.executable, "-c", code, *arguments]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        if os.environ.items() >= _read_at_import(environment) and sys.platform.startswith("linux"):
            program = [code, arguments, environment, str(cwd or Path.cwd())]
            status = _served(program, out.fileno(), errors.fileno(), timeout)
        else:
            options: dict[str, Any] = {"stdout": out, "stderr": errors, "env": environment, "cwd": cwd}
            status = subprocess.run(command, timeout=timeout, check=False, **options).returncode
        out.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(command, status, out.read(), errors.read())


def _read_at_import(environment: dict[str, str]) -> set[tuple[str, str]]:
    return {(name, value) for name, value in environment.items() if name.startswith(("NUMBA_", "LPCURR_"))}


def _served(program: list[Any], out: int, errors: int, timeout: float) -> int:
    wire = _server()
    socket.send_fds(wire, [json.dumps(program).encode()], [out, errors])
    child = int(wire.recv(100))
    wire.settimeout(timeout)
    try:
        return os.waitstatus_to_exitcode(int(wire.recv(100)))
    except TimeoutError:
        os.kill(child, 9)
        wire.settimeout(None)
        wire.recv(100)
        raise
    finally:
        wire.settimeout(None)


def run_program(code: str, *arguments: str, status: int = 0, cwd: str | Path | None = None, **environment: str) -> str:
    """Run a program that must say nothing on stderr and end with ``status``; what it printed."""
    done = run_code(code, *arguments, cwd=cwd, **{"PYTHONWARNINGS": "error"} | environment)
    assert (done.returncode, done.stderr) == (status, ""), done.stderr[-2000:]
    return done.stdout.strip()
