"""A tool that takes its time to be loaded."""

from __future__ import annotations

import time

time.sleep(20)
