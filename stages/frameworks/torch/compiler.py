"""The C++ compiler that torch's inductor needs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from stages.errors import ToolError

PROGRAM = 'clang++' if sys.platform == 'darwin' else 'g++'
"""What inductor calls when nothing else is set; and in a step nothing is."""


def require() -> None:
    """Have inductor write where this process may. Raises ToolError when it finds no C++ compiler."""
    from torch._inductor import cpp_builder, exc

    try:
        cpp_builder.get_cpp_compiler()
    except (exc.InvalidCxxCompiler, RuntimeError) as error:
        msg = 'torch inductor writes C++ and finds no compiler for it; install one: apt-get install g++, or set CXX'
        raise ToolError(msg) from error
    headers_here()


def headers_here() -> None:
    """Let inductor keep the headers that it compiles in the temporary folder of this process.

    It settles on a folder when it is loaded, which may have been in the process that this one was forked from.
    """
    from torch._inductor import codecache
    from torch._inductor.runtime import cache_dir_utils

    place: Any = codecache
    folder = Path(cache_dir_utils.default_cache_dir()) / 'precompiled_headers'
    place._HEADER_DIR, place._HEADER_LOCK_DIR = str(folder), str(folder / 'locks')
