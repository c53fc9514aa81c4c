"""OpenVINO and NNCF without telemetry and progress bars."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from typing import Any


def telemetry_off() -> None:
    """Keep both packages from reporting to their makers: a build talks to nobody unasked."""
    try:
        import openvino_telemetry  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        return
    for name in (
        'init',
        'send_event',
        'start_session',
        'end_session',
        'force_shutdown',
        'send_error',
        'send_stack_trace',
    ):
        if hasattr(openvino_telemetry.Telemetry, name):
            setattr(openvino_telemetry.Telemetry, name, lambda *args, **kwargs: None)


@contextlib.contextmanager
def silenced_nncf() -> Iterator[Any]:
    """Give nncf with its log at errors and its progress bars dropped: the log of a step holds what matters."""
    with contextlib.redirect_stdout(io.StringIO()):
        import nncf

        nncf.set_log_level(logging.ERROR)
        yield nncf
