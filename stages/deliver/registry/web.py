"""HTTP from servers that may be dead, slow, redirecting or lying: what is read is bounded in bytes and in time.

No login is sent without TLS to another machine, nor to a server that a redirect names. The standard library alone: a
deployment pays for nothing more.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import IO, Any, Final

from stages.deliver.registry.address import is_loopback
from stages.deliver.registry.contract import SLOWEST, Net, NotThere, Passing, Stream
from stages.deliver.registry.login import Login, login_of
from stages.errors import DeliveryError

CHUNK: Final = 1 << 18
REDIRECTS: Final = 5
ATTEMPTS: Final = 3
PAUSE_SECONDS: Final = 0.3
AGAIN: Final = (408, 429, 500, 502, 503, 504)
CHALLENGE: Final = re.compile(r'([a-zA-Z]+)="([^"]*)"')
RANGE: Final = re.compile(r'bytes (\d+)-(\d+)/(\d+|\*)')
TOKEN_BYTES: Final = 1 << 20


class Web:
    """A client: it keeps the tokens that servers gave, for as long as it lives."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self._tokens: dict[str, str] = {}
        self._logins: dict[str, Login | None] = {}
        try:
            context = ssl.create_default_context(cafile=str(net.ca) if net.ca else None)
        except (OSError, ssl.SSLError) as error:
            raise DeliveryError(f'{net.ca}: no certificates can be read from it: {error}') from error
        self._opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirect)
        self._opener.addheaders = [('User-Agent', 'modelkiln')]

    def get(self, url: str, limit: int, accept: str = '*/*') -> tuple[bytes, Mapping[str, str]]:
        """Return the body of ``url`` and its headers. Raises DeliveryError; NotThere for a 404."""
        for attempt in range(ATTEMPTS):
            last = attempt + 1 == ATTEMPTS
            try:
                with self._open(url, {'Accept': accept}) as answer:
                    body = b''.join(_bounded(answer, url, limit, self.net.patience))
                    _check_length(answer, len(body), url)
                    return body, answer.headers
            except Passing as error:
                if last:
                    raise DeliveryError(str(error)) from error
            time.sleep(PAUSE_SECONDS * 2**attempt)
        raise AssertionError('the last attempt returns or raises')

    def stream(self, url: str, start: int, limit: int) -> Stream:
        """Return the bytes of ``url`` from ``start`` on, at most ``limit`` of them; Passing when it breaks off."""
        answer = self._open(url, {'Range': f'bytes={start}-'} if start else {})
        found = RANGE.fullmatch(answer.headers.get('Content-Range', '')) if answer.status == 206 else None
        begin = int(found[1]) if found else 0
        if begin not in (0, start):
            answer.close()
            raise DeliveryError(f'{url}: was asked for bytes from {start:,} on, and sends them from {begin:,} on')
        return Stream(begin, self._chunks(answer, url, limit - begin))

    def _chunks(self, answer: Any, url: str, limit: int) -> Iterator[bytes]:
        done = 0
        with answer:
            for chunk in _bounded(answer, url, limit, self.net.patience):
                done += len(chunk)
                yield chunk
            _check_length(answer, done, url)

    def _open(self, url: str, headers: Mapping[str, str]) -> Any:
        """Open ``url``, logged in where it asks for it, through at most ``REDIRECTS`` redirects."""
        first = url
        tried = False
        for _ in range(REDIRECTS + 2):
            self._check_scheme(url)
            host = urllib.parse.urlsplit(url).netloc
            request = urllib.request.Request(url, headers={'Accept-Encoding': 'identity', **headers})  # noqa: S310
            if token := self._tokens.get(_scope(url)):
                request.add_unredirected_header('Authorization', token)
            try:
                return self._opener.open(request, timeout=self.net.patience)
            except urllib.error.HTTPError as error:
                with error:
                    if error.code in (301, 302, 303, 307, 308):
                        url = urllib.parse.urljoin(url, error.headers.get('Location', ''))
                    elif error.code == 401 and not tried:
                        tried = True
                        self._tokens[_scope(url)] = self._authorize(host, error.headers.get('WWW-Authenticate', ''))
                    else:
                        raise _refusal(error, first) from error
            except (OSError, http.client.HTTPException) as error:
                raise _broken(error, first) from error
        raise DeliveryError(f'{first}: redirects more than {REDIRECTS} times')

    def _authorize(self, host: str, asked: str) -> str:
        """Return the Authorization that the server asks for: our login, or a token that it gives for it."""
        way = asked.partition(' ')[0].lower()
        if host not in self._logins:
            self._logins[host] = login_of(host)
        login = self._logins[host]
        if way == 'basic':
            if login is None:
                raise DeliveryError(f'{host}: needs a login; run: docker login {host}')
            return login.basic
        if way != 'bearer':
            raise DeliveryError(f'{host}: asks for a login in a way that is not understood: {asked[:80]!r}')
        said = dict(CHALLENGE.findall(asked))
        realm = said.pop('realm', '')
        query = urllib.parse.urlencode({name: said[name] for name in ('service', 'scope') if name in said})
        place = f'{realm}{"&" if "?" in realm else "?"}{query}'
        self._check_scheme(place)
        request = urllib.request.Request(place)  # noqa: S310
        if login is not None:
            request.add_unredirected_header('Authorization', login.basic)
        try:
            with self._opener.open(request, timeout=self.net.patience) as answer:
                found = json.loads(b''.join(_bounded(answer, place, TOKEN_BYTES, self.net.patience)))
            return f'Bearer {found.get("token") or found["access_token"]}'
        except urllib.error.HTTPError as error:
            with error:
                words = 'refuses our login' if login else f'needs a login; run: docker login {host}'
                raise DeliveryError(f'{host}: {words} (HTTP {error.code} from {realm})') from error
        except (OSError, http.client.HTTPException) as error:
            raise _broken(error, place) from error
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise DeliveryError(f'{realm}: gave no token') from error

    def _check_scheme(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme == 'https':
            return
        if parts.scheme != 'http':
            raise DeliveryError(f'{url[:200]}: is no HTTP address')
        if not is_loopback(parts.netloc) and parts.netloc not in self.net.plain:
            raise DeliveryError(
                f'{parts.netloc}: would be spoken to without TLS; use https, or name it in `plain-http` of the policy'
            )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Redirects are followed by us, who look at where they lead."""

    def redirect_request(self, req: Any, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str) -> None:
        return None


def _bounded(answer: Any, url: str, limit: int, patience: float) -> Iterator[bytes]:
    """Yield the body; stop at a byte more than ``limit``, and at a server that hardly sends anything."""
    total = window = 0
    since = time.monotonic()
    while True:
        try:
            chunk = answer.read1(CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise _broken(error, url) from error
        if not chunk:
            return
        total += len(chunk)
        window += len(chunk)
        if total > limit:
            raise DeliveryError(f'{url}: sends more than the {limit:,} bytes that were expected')
        yield chunk
        if (passed := time.monotonic() - since) > patience:
            if window < SLOWEST * passed:
                raise DeliveryError(f'{url}: sent {window:,} bytes in {passed:.0f} s; that is given up')
            since, window = time.monotonic(), 0


def _check_length(answer: Any, done: int, url: str) -> None:
    said = answer.headers.get('Content-Length')
    if said is not None and said.isdigit() and int(said) != done:
        raise Passing(f'{url}: broke off after {done:,} of {int(said):,} bytes')


def _refusal(error: urllib.error.HTTPError, url: str) -> DeliveryError:
    if error.code == 404:
        return NotThere(f'{url}: is not there (HTTP 404)')
    if error.code in AGAIN:
        return Passing(f'{url}: HTTP {error.code} {error.reason}')
    words = 'refuses our login' if error.code in (401, 403) else f'{error.reason}'
    return DeliveryError(f'{url}: {words} (HTTP {error.code})')


def _broken(error: Exception, url: str) -> DeliveryError:
    reason = getattr(error, 'reason', None) or error
    words = str(reason) or type(error).__name__
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DeliveryError(f'{url}: its certificate is not trusted: {reason.verify_message}')
    if isinstance(reason, TimeoutError):
        words = 'does not answer'
    return Passing(f'{url}: {words}')


def _scope(url: str) -> str:
    """Return where a token is good: a server, and there a repository."""
    parts = urllib.parse.urlsplit(url)
    repository = re.match(r'(/v2/.+?)/(?:blobs|manifests|tags|referrers)/', parts.path)
    return f'{parts.scheme}://{parts.netloc}{repository[1] if repository else ""}'
