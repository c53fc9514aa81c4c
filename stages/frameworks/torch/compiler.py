"""The C++ compiler that torch's inductor needs."""

from __future__ import annotations

import sys

from stages.errors import ToolError

PROGRAM = 'clang++' if sys.platform == 'darwin' else 'g++'
"""What inductor calls when nothing else is set; and in a step nothing is."""


def require() -> None:
    """Raise ToolError when inductor finds no C++ compiler."""
    from torch._inductor import cpp_builder, exc

    try:
        cpp_builder.get_cpp_compiler()
    except (exc.InvalidCxxCompiler, RuntimeError) as error:
        msg = 'torch inductor writes C++ and finds no compiler for it; install one: apt-get install g++, or set CXX'
        raise ToolError(msg) from error
