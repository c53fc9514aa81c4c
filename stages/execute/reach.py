"""Which hosts a fetch may connect to: its recipe's, and those of the settings of the user's own tools."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from stages import spawn
from stages.launch.asked import PORTS

SAID: Final = 'MODELKILN_HOSTS'
"""Set in the environment to ``host`` or ``host:port``, several with commas: any fetch may connect to them too."""

LEAD_TO: Final[Mapping[str, tuple[str, ...]]] = {
    'github.com': (
        'codeload.github.com', 'media.githubusercontent.com', 'objects.githubusercontent.com',
        'raw.githubusercontent.com', 'release-assets.githubusercontent.com',
    ),
    'huggingface.co': ('*.huggingface.co', '*.hf.co'),
}  # fmt: skip
"""Hosts that keep their files on others of their own: who is led there by them need not name those too."""

INDEX: Final = ('https://pypi.org', 'https://files.pythonhosted.org')
HUB: Final = 'https://huggingface.co'
SETTING: Final = re.compile(r'(?:[a-z]+|:env:)\.(?P<name>[a-z-]+)=(?P<value>.*)')
"""A line of ``pip config list``, whose value is written as Python's."""


@dataclass(frozen=True)
class Reach:
    """Places as ``host:port``; ``*.host:port`` is all below one."""

    hosts: tuple[str, ...]
    """Of a recipe, which may be a stranger's: of the open network, or nothing."""

    nearby: tuple[str, ...]
    """Of the user's settings; they may lie on this machine or its own network."""


NOWHERE: Final = Reach((), ())


def of_fetch(params: Mapping[str, Any], named: Iterable[str]) -> Reach:
    """Return what a fetch with these parameters reaches; ``named`` are hosts that its recipe adds."""
    hosts, nearby = [_with_port(host) for host in named], list(_said())
    if params['where'] == 'https':
        hosts += _of(params['name'])
    elif params['where'] == 'pip':
        nearby += of_pip()
    elif params['where'] == 'hf':
        own = os.environ.get('HF_ENDPOINT')
        nearby += [*_of(HUB), *(_of(own) if own else ())]
    return Reach(tuple(dict.fromkeys(hosts)), tuple(dict.fromkeys(nearby)))


def of_environment() -> Reach:
    """Return what the making of a locked environment reaches: whatever index the user has told pip of."""
    return Reach((), tuple(dict.fromkeys([*_said(), *of_pip()])))


def of_pip() -> tuple[str, ...]:
    """Return the hosts of the user's package indexes, and of the public one."""
    settings = _pip_settings(tuple(sorted(spawn.network_environment().items())))
    urls = [url for name in ('index-url', 'extra-index-url', 'find-links') for url in settings.get(name, '').split()]
    return tuple(place for url in (*INDEX, *urls) for place in _of(url))


def pip_environment() -> dict[str, str]:
    """Return the settings of the network for pip, with the proxy that its own name where they do."""
    settings = spawn.network_environment()
    proxy = _pip_settings(tuple(sorted(settings.items()))).get('proxy', '').rpartition(' ')[2]
    return settings | ({'http_proxy': proxy, 'https_proxy': proxy} if proxy else {})


@cache
def _pip_settings(environment: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return pip's settings as pip itself reads them, by name; values of several places are joined by a space.

    pip keeps its files in places of its own for each system, so it is asked. Without pip there are none.
    """
    found: dict[str, str] = {}
    asked = [sys.executable, '-m', 'pip', 'config', 'list', '--disable-pip-version-check']
    surroundings = spawn.environment(spawn.user_home() or Path(os.devnull)) | dict(environment)
    done = subprocess.run(
        asked, env=surroundings, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    for line in done.stdout.splitlines():
        if setting := SETTING.fullmatch(line):
            value = str(ast.literal_eval(setting['value']))
            found[setting['name']] = f'{found.get(setting["name"], "")} {value}'.strip()
    return found


def _of(url: str) -> Iterator[str]:
    """Give the place of ``url``, and those that it is known to lead to; nothing for one that is no web address."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return
    if host and port and parts.scheme in PORTS:
        yield f'{host}:{port}'
        yield from (f'{other}:{port}' for other in LEAD_TO.get(host, ()))


def _said() -> Iterator[str]:
    for each in re.split(r'[\s,]+', os.environ.get(SAID, '')):
        if each:
            yield _with_port(each.lower())


def _with_port(host: str) -> str:
    return host if re.search(r':[0-9]+$', host) else f'{host}:{PORTS["https"]}'
