"""Releases in an OCI registry, written: blobs and manifests go through ``oras``, which cannot set an artifactType.

So the manifests are ours, byte for byte, and ``oras`` carries them.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any, Final

from stages.deliver.registry.address import LATEST, Address
from stages.deliver.registry.contract import Net
from stages.deliver.registry.login import login_of
from stages.deliver.registry.oci import OciRegistry, base_of
from stages.errors import DeliveryError, ToolError

PIECE: Final = 32 << 20
"""Bytes; a larger blob goes in pieces of this size, since ``oras`` holds what it sends in memory."""

GOOD: Final = (200, 201, 202, 204)


class PushableRegistry(OciRegistry):
    """One repository of a registry. It implements ``Writing``."""

    def __init__(self, place: Address, net: Net) -> None:
        super().__init__(place, net)
        try:
            import oras.container
            import oras.provider
        except ModuleNotFoundError as error:
            raise ToolError(f"{place}: pushing needs oras; run: pip install 'modelkiln[release]'") from error
        self.has_tag(LATEST)  # no login, a wrong one, no server: told at once, where oras tries for minutes
        logging.getLogger('oras').setLevel(logging.CRITICAL)  # what it says is in the errors that it raises
        base = base_of(place, net)
        insecure = base.startswith('http://')
        verify: Any = str(net.ca) if net.ca else True
        self._client = oras.provider.Registry(
            hostname=place.host, insecure=insecure, tls_verify=verify, auth_backend=self._way(base, verify)
        )
        self._container = oras.container.Container(f'{place.host}/{place.name}')
        if login := login_of(place.host):
            self._client.auth.set_basic_auth(login.user, login.password)

    def upload(self, sha256: str, size: int, path: Path) -> bool:
        layer = {'digest': f'sha256:{sha256}', 'size': size, 'mediaType': 'application/octet-stream'}
        url = f'{self._client.prefix}://{self._container.get_blob_url(layer["digest"])}'
        if self._asked('HEAD', url).status_code == 200:
            return False
        with self._told(f'blob sha256:{sha256}'):
            answer = self._client.upload_blob(
                str(path), self._container, layer, do_chunked=size > PIECE, chunk_size=PIECE
            )
        self._check(answer, f'blob sha256:{sha256}')
        return True

    def put(self, content: bytes, type: str, tag: str = '', before: str = '') -> bool:
        digest = f'sha256:{hashlib.sha256(content).hexdigest()}'
        now = self.resolve(tag) if tag and self.has_tag(tag) else ''
        if tag and now not in (before, digest.removeprefix('sha256:')):
            named = f'sha256:{now}' if now else 'nothing'
            raise DeliveryError(
                f'{self.place.repository}: {tag!r} names {named} by now; somebody else pushed; look first'
            )
        url = f'{self._client.prefix}://{self._container.manifest_url(tag or digest)}'
        answer = self._asked('PUT', url, content, {'Content-Type': type})
        self._check(answer, f'manifest {tag or digest}')
        return 'OCI-Subject' in answer.headers

    def _way(self, base: str, verify: Any) -> str:
        """Return how the registry wants a login: ``oras`` has to be told."""
        import requests

        try:
            asked = requests.get(f'{base.partition("/v2/")[0]}/v2/', verify=verify, timeout=30)
        except (OSError, requests.RequestException) as error:
            raise DeliveryError(f'{self.place.repository}: {error}') from error
        return 'basic' if asked.headers.get('WWW-Authenticate', '').lower().startswith('basic') else 'token'

    def _asked(self, method: str, url: str, content: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
        with self._told(url):
            return self._client.do_request(url, method, data=content, headers=headers or {})

    def _told(self, what: str) -> _Told:
        return _Told(self.place, what)

    def _check(self, answer: Any, what: str) -> None:
        if answer.status_code not in GOOD:
            words = answer.text[:300] if answer.content else answer.reason
            raise DeliveryError(f'{self.place.repository}: {what}: HTTP {answer.status_code}: {words}')


class _Told:
    """Say in one sentence what ``oras`` raises: it has no errors of its own."""

    def __init__(self, place: Address, what: str) -> None:
        self._place, self._what = place, what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, Exception) or isinstance(error, DeliveryError):
            return
        if isinstance(error, AttributeError) and '_basic_auth' in str(error):
            host = self._place.host
            raise DeliveryError(f'{host}: needs a login; run: docker login {host}') from error
        raise DeliveryError(f'{self._place.repository}: {self._what}: {type(error).__name__}: {error}') from error
