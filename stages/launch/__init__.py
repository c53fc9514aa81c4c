"""How a process of ours comes to be: forked from one that has its tools loaded, confined, watched, never left behind.

A run starts one *server* per Python (``server.py``), which loads nothing. It forks servers that have a tool
loaded, those fork others with one more, and each forks the processes that do the work (``birth.py``). What one has
loaded is among the tools that its step declares: a fork is a fresh process that had its imports done before.

``client.py`` is the run's side of it. Whatever ends the run, the kernel closes its sockets: the first server ends, and
with it all others, and with them every process (each asked for its parent's death, and each step is a namespace).
"""

from stages.launch.client import Launcher, Limits, Tool
from stages.launch.request import Request

__all__ = ['Launcher', 'Limits', 'Request', 'Tool']
