"""Logins as `docker login` keeps them: in Docker's config, or in the helper that it names.

Source: docs.docker.com/reference/cli/docker/login (config.json: auths, credsStore, credHelpers).
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from stages.errors import DeliveryError

HELPER_SECONDS: Final = 30.0
TOKEN: Final = '<token>'  # noqa: S105  # the word by which helpers say that the secret is a token
HUB: Final = 'docker.io'
ALIASES: Final = {HUB: ('https://index.docker.io/v1/', 'index.docker.io', 'registry-1.docker.io', HUB)}


@dataclass(frozen=True)
class Login:
    """A user of a registry."""

    user: str
    password: str = field(repr=False)

    @property
    def basic(self) -> str:
        """The value of an Authorization header."""
        return 'Basic ' + base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()


def login_of(host: str) -> Login | None:
    """Return the login for ``host`` (with its port); None: there is none. Raises DeliveryError for a broken one."""
    path = Path(os.environ.get('DOCKER_CONFIG') or Path.home() / '.docker') / 'config.json'
    try:
        config = json.loads(path.read_text('utf-8'))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DeliveryError(f'{path}: cannot be read: {error}') from error
    if not isinstance(config, dict):
        raise DeliveryError(f'{path}: expected an object')
    names = ALIASES.get(host, (host, f'https://{host}', f'https://{host}/v1/', f'https://{host}/v2/'))
    helpers = _mapping(config, 'credHelpers')
    for name in names:
        if name in helpers:
            return _asked(str(helpers[name]), name)
    auths = _mapping(config, 'auths')
    for name in names:
        if name in auths and (found := _written(auths[name], f'{path}: auths: {name}')):
            return found
    if store := config.get('credsStore'):
        for name in names:
            if name in auths and (found := _asked(str(store), name)):
                return found
    return None


def _mapping(config: dict[str, Any], name: str) -> dict[str, Any]:
    found = config.get(name)
    return found if isinstance(found, dict) else {}


def _written(given: object, where: str) -> Login | None:
    if not isinstance(given, dict) or not given:
        return None  # the helper has it
    if 'identitytoken' in given:
        raise DeliveryError(f'{where}: holds an identity token, which is not understood; log in with a password')
    if given.get('username'):
        return Login(str(given['username']), str(given.get('password', '')))
    if not given.get('auth'):
        return None
    try:
        user, colon, password = base64.b64decode(str(given['auth']), validate=True).decode().partition(':')
    except ValueError as error:
        raise DeliveryError(f'{where}: its `auth` is no base64 of user:password') from error
    if not colon:
        raise DeliveryError(f'{where}: its `auth` is no base64 of user:password')
    return Login(user, password)


def _asked(helper: str, host: str) -> Login | None:
    """Ask a credential helper; None when it has no login for ``host``."""
    program = shutil.which(f'docker-credential-{helper}')
    if program is None:
        raise DeliveryError(f'{host}: Docker keeps its login in docker-credential-{helper}, which is not installed')
    try:
        done = subprocess.run(
            [program, 'get'], input=host, capture_output=True, text=True, timeout=HELPER_SECONDS, check=False
        )
        if done.returncode:
            if 'not found' in done.stdout + done.stderr:
                return None
            raise DeliveryError(f'{host}: docker-credential-{helper}: {(done.stdout + done.stderr).strip()}')
        answer = json.loads(done.stdout)
        found = Login(str(answer['Username']), str(answer['Secret']))
    except (OSError, ValueError, KeyError, TypeError, subprocess.TimeoutExpired) as error:
        raise DeliveryError(f'{host}: docker-credential-{helper} gave no login: {type(error).__name__}') from error
    if found.user == TOKEN:
        raise DeliveryError(f'{host}: docker-credential-{helper} gave an identity token, which is not understood')
    return found
