"""What a process may reach, taken from it by itself before it opens anything that is not ours.

``policy`` says what a process may do, ``system`` what of the machine anybody needs to run at all, ``landlock``,
``seccomp`` and ``namespaces`` ask the kernel for it, each by one idea: files, calls, and what there is to see.
"""

from stages.confine.apply import confine, isolate, missing
from stages.confine.policy import LAYERS, Policy

__all__ = ['LAYERS', 'Policy', 'confine', 'isolate', 'missing']
