"""Child processes: a clean environment, a group of their own, a log, a limit; and none outlives us."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

TERMINATE_SECONDS = 5.0
"""Between asking a process to stop and killing it."""

POLL_SECONDS = 0.05

_running: set[subprocess.Popen[bytes]] = set()
_guard = threading.Lock()
_stopped = threading.Event()


SETTINGS = {
    'LANG': 'C.UTF-8',
    'LC_ALL': 'C.UTF-8',
    'PYTHONHASHSEED': '0',
    'SOURCE_DATE_EPOCH': '315532800',  # 1980-01-01, the first date a zip can hold
    'HF_HUB_OFFLINE': '1',
    'TF_CPP_MIN_LOG_LEVEL': '2',
}
"""What is set for every child, whatever was set for us; it is in the keys of steps."""


PATIENT = {'OMP_WAIT_POLICY': 'PASSIVE', 'KMP_BLOCKTIME': '0'}
"""Threads that wait for each other sleep: where steps share cores, those that spin take them from those they wait for.
The order of sums is the same. Measuring processes, which are alone, keep what their framework does by itself."""


def environment(home: Path, threads: int = 0, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return all that a child sees of the environment: no tokens, no user settings, fixed seeds."""
    clean = {
        'PATH': os.environ.get('PATH', os.defpath),
        'HOME': str(home),
        'TMPDIR': str(home),
        **SETTINGS,
    }
    if threads:
        clean |= dict.fromkeys(('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS'), str(threads))
    return clean | dict(extra or {})


NETWORK = ('http_proxy', 'https_proxy', 'no_proxy', 'SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE')
HUB = ('HF_ENDPOINT', 'HF_TOKEN', 'HF_HUB_OFFLINE')
"""What the client of the Hugging Face hub goes by; its token is shown to it alone."""


def network_environment() -> dict[str, str]:
    """Return the settings a download needs: proxies, certificates and pip's own; only the fetch step gets them."""
    wanted = {*NETWORK, *(name.upper() for name in NETWORK)}
    kept = {name: value for name, value in os.environ.items() if name in wanted or name.startswith('PIP_')}
    home = user_home()
    if home and any((home / folder).exists() for folder in ('.config/pip', '.cache/pip', '.pip')):
        kept['HOME'] = str(home)
    return kept


def hub_environment() -> dict[str, str]:
    """Return the settings of the Hugging Face hub's client, for a fetch from there: offline only where the user is."""
    kept = {'HF_HUB_OFFLINE': '0'} | {name: os.environ[name] for name in HUB if name in os.environ}
    return kept | ({'HF_HUB_CACHE': hub_cache()[0]} if hub_cache() else {})


def hub_cache() -> tuple[str, ...]:
    """Return the folder where the client of the Hugging Face hub keeps what it fetched."""
    home, said, own = user_home(), os.environ.get('HF_HUB_CACHE'), os.environ.get('HF_HOME')
    own = own or (str(home / '.cache' / 'huggingface') if home else None)
    return (said,) if said else (f'{own}/hub',) if own else ()


def pip_cache() -> tuple[str, ...]:
    """Return the folder where pip keeps what it fetched, by the settings that ``network_environment`` passes on."""
    home, said = user_home(), os.environ.get('PIP_CACHE_DIR')
    return (said,) if said else (str(home / '.cache' / 'pip'),) if home else ()


def user_home() -> Path | None:
    """Return the user's own folder; None for one without a name and without HOME, as in a container."""
    with contextlib.suppress(RuntimeError):
        return Path.home()
    return None


def run(
    argv: list[str],
    *,
    folder: Path,
    log: Path,
    env: Mapping[str, str],
    timeout: float,
    watch: Callable[[], None] = lambda: None,
) -> str | None:
    """Run ``argv`` to its end, where no server can be forked (``stages.launch``). Return None or how it ended.

    ``watch`` is called now and then. The command's whole group is gone on return, also after an exception: SystemExit
    once the run is stopped.
    """
    end_if_stopped()
    with log.open('ab') as stream:
        process = subprocess.Popen(
            argv, cwd=folder, env=dict(env), stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    with _guard:
        _running.add(process)
    deadline = time.monotonic() + timeout
    try:
        while True:
            try:
                code = process.wait(POLL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                watch()
            end_if_stopped()
            if time.monotonic() > deadline:
                kill_group(process, patience=TERMINATE_SECONDS)
                return f'took longer than its limit of {timeout:g} s and was stopped'
    finally:
        kill_group(process, patience=0)  # whatever it started and left behind
        with _guard:
            _running.discard(process)
    return in_words(code)


def in_words(code: int) -> str | None:
    """Return how a process ended by itself, as ``os.waitstatus_to_exitcode`` says it; None for success."""
    if code == 0:
        return None
    if code < 0:
        return f'was killed by signal {-code} ({signal.Signals(-code).name})'
    return f'ended with exit code {code}'


def kill_group(process: subprocess.Popen[bytes], patience: float) -> None:
    """End a process and all it started: politely first when there is ``patience`` (seconds)."""
    if patience and process.poll() is None:
        _signal(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def stop_on_signals(first: Callable[[], None] = lambda: None) -> None:
    """Make SIGINT, SIGTERM and SIGHUP stop every child at once and then the run, so that nothing goes on unseen.

    ``first`` is called before anything is said of it. Threads that are about to start a process, or wait for one, end
    there: doit waits for them. A second signal waits for nothing.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        if _stopped.is_set():
            os._exit(128 + number)  # servers, and what they forked, end as their sockets close
        _stopped.set()
        first()
        for process in list(_running):
            _signal(process, signal.SIGKILL)
        print('\nmodelkiln: stopped; what is finished is kept, and the next run goes on from there', file=sys.stderr)
        raise SystemExit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def end_if_stopped() -> None:
    """Raise SystemExit in a thread that works on, while the main one has ended the run."""
    if _stopped.is_set() and threading.current_thread() is not threading.main_thread():
        raise SystemExit(1)


def python(script: Path, *arguments: str, interpreter: str = '') -> list[str]:
    """Return the command that runs a script of ours, isolated from the user's Python settings."""
    return [interpreter or sys.executable, '-I', '-X', 'utf8', str(script), *arguments]
