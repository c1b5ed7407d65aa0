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

ROOT = Path(__file__).parents[2]

# A signal between open() and its `with` closes the file at once, and Python says that nobody did.
CLOSED_BY_COUNTING = {"PYTHONWARNINGS": "error,ignore::ResourceWarning"}

_READ_AT_IMPORT = ("NUMBA_", "LPCURR_")
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
warnings.resetwarnings()
for option in environment["PYTHONWARNINGS"].split(","):
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


def run_program(
    code: str, *arguments: str, timeout: float = 300.0, status: int = 0, cwd: str | None = None, **environment: str
) -> str:
    """Run a program that must say nothing on stderr and end with ``status``; what it printed."""
    environment = {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"} | environment
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        if any(name.startswith(_READ_AT_IMPORT) for name in environment) or not sys.platform.startswith("linux"):
            command = [sys.executable, "-c", code, *arguments]
            done = subprocess.run(
                command, env=os.environ | environment, stdout=out, stderr=errors, timeout=timeout, cwd=cwd
            ).returncode
        else:
            wire = _server()
            message = json.dumps([code, arguments, os.environ | environment, cwd or os.getcwd()])
            socket.send_fds(wire, [message.encode()], [out.fileno(), errors.fileno()])
            child = int(wire.recv(100))
            wire.settimeout(timeout)
            try:
                done = os.waitstatus_to_exitcode(int(wire.recv(100)))
            except TimeoutError:
                os.kill(child, 9)
                wire.recv(100)
                raise
            finally:
                wire.settimeout(None)
        out.seek(0)
        errors.seek(0)
        said = errors.read()
        assert (done, said) == (status, ""), said[-2000:]
        return out.read().strip()
