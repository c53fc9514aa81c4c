"""Get one file by https."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from stages.errors import IntegrityError, StepError
from stages.sources.hosts import is_local

_CHUNK = 1 << 20
_CAP = 4 << 30
_TIMEOUT = 60


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Redirects may go anywhere on the open network, but never off https."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme != 'https':
            raise StepError(f'{req.full_url}: redirects to {newurl}; only https is followed')
        if is_local(newurl):
            raise StepError(f'{req.full_url}: redirects to {newurl}, which is this machine or its own network')
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def get(url: str, target: Path, cap: int = _CAP) -> None:
    """Leave what is at ``url`` in ``target``, whole or not at all."""
    if urlsplit(url).scheme != 'https':
        raise StepError(f'{url}: only https is fetched')
    half = target.with_name(f'{target.name}.part')
    try:
        with urllib.request.build_opener(_HttpsOnly).open(url, timeout=_TIMEOUT) as answer, half.open('xb') as file:
            said = answer.headers.get('Content-Length')
            read = 0
            while chunk := answer.read(_CHUNK):
                read += len(chunk)
                if read > cap:
                    raise IntegrityError(f'{url}: more than {cap:,} bytes, the most that is fetched')
                file.write(chunk)
            if said is not None and read != int(said):
                raise StepError(f'{url}: the connection broke after {read:,} of {said} bytes; run it again')
        half.rename(target)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        raise StepError(f'cannot download {url}: {error}\nCheck the network, HTTPS_PROXY, and the address.') from error
    finally:
        half.unlink(missing_ok=True)
