"""A form with two pictures, posted to one address; whatever a server does comes to an answer or one sentence."""

from __future__ import annotations

import json
import os
import secrets
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from http.client import HTTPException, HTTPMessage
from typing import Any, Protocol

from ..errors import ModelError, ServiceError
from ..plain import plain, reason_of
from .service import About, Busy

TIMEOUT = 30.0
"""Seconds to wait for a connection, and for each piece of an answer."""
DEADLINE = 90.0
"""Seconds for the whole of an answer: a server that sends a byte now and then would never end."""
LARGEST = 1 << 20
"""Bytes of an answer; a score and two boxes are a thousandth of that."""
_OWN = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    data: Mapping[str, Any]
    """The JSON object of its body; empty where there was none."""
    text: str
    after: float = 0.0
    """Seconds that it asks to wait (Retry-After)."""


class _Body(Protocol):
    def read1(self, count: int, /) -> bytes: ...


class _Stay(urllib.request.HTTPRedirectHandler):
    """Pictures and keys go where was said, and nowhere that a server points to."""

    def redirect_request(self, req: urllib.request.Request, *more: object) -> None:
        return None


def post_form(
    title: str,
    url: str,
    fields: Mapping[str, str],
    pictures: Mapping[str, bytes],
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Post PNG pictures and fields; an answer of any status is a reply. No connection is `Busy`."""
    host_of(title, url)
    boundary = secrets.token_hex(16)
    request = urllib.request.Request(
        url,
        _multipart(boundary, fields, pictures),
        {"Content-Type": f"multipart/form-data; boundary={boundary}", "Accept": "application/json", **(headers or {})},
    )
    try:
        try:
            response = urllib.request.build_opener(_Stay).open(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            return _reply(response.status, response.headers, _read(response))
    except urllib.error.URLError as error:
        raise _unreached(title, error.reason) from error
    except (OSError, HTTPException) as error:
        raise _unreached(title, error) from error


def host_of(title: str, url: str) -> str:
    """Whom an address leads to. A face and a key travel encrypted, except to a server on this machine."""
    with suppress(ValueError):
        where = urllib.parse.urlsplit(url)
        if where.hostname and (where.scheme == "https" or (where.scheme == "http" and where.hostname in _OWN)):
            return where.netloc.rpartition("@")[2]
    raise ModelError(f"The address set for {title} is not usable: it has to begin with https://.")


def server(about: About, variable: str, usual: str) -> tuple[str, About]:
    """A service's address, which an environment variable may replace, and its description with that host as its
    place."""
    url = os.environ.get(variable, "").strip().rstrip("/") or usual
    return url, replace(about, place=host_of(about.title, url))


@contextmanager
def as_documented(title: str) -> Iterator[None]:
    """An answer that is read inside has to be what the service's reference says."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ServiceError(f"{title} answered with something else than its reference says.") from error


def _multipart(boundary: str, fields: Mapping[str, str], pictures: Mapping[str, bytes]) -> bytes:
    header = "Content-Disposition: form-data; name="
    parts = [f'{header}"{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    parts += [
        f'{header}"{name}"; filename="{name}.png"\r\nContent-Type: image/png\r\n\r\n'.encode() + data
        for name, data in pictures.items()
    ]
    return b"".join(b"--%b\r\n%b\r\n" % (boundary.encode(), part) for part in parts) + f"--{boundary}--\r\n".encode()


def _read(response: _Body) -> bytes:
    started, body = time.monotonic(), b""
    while block := response.read1(1 << 16):
        body += block
        if len(body) > LARGEST:
            raise HTTPException("it sends more than any answer has")
        if time.monotonic() - started > DEADLINE:
            raise TimeoutError("it took too long")
    return body


def _reply(status: int, headers: HTTPMessage, body: bytes) -> Reply:
    text, data, after = body.decode("utf-8", "replace"), None, 0.0
    with suppress(ValueError, RecursionError):
        data = json.loads(text)
    with suppress(ValueError):
        after = max(0.0, float(headers.get("Retry-After", "0")))
    return Reply(status, data if isinstance(data, dict) else {}, text, after)


def _unreached(title: str, reason: object) -> ServiceError:
    message = reason_of(reason)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return ServiceError(f"Whoever answers for {title} cannot prove to be it ({plain(message)}): nothing was sent.")
    if isinstance(reason, TimeoutError):
        return Busy(f"{title} did not answer in time.")
    return Busy(f"{title} could not be reached ({plain(message)[:120]}).")


def refused(title: str, reply: Reply, meant: Mapping[str, str], keys: str) -> ServiceError:
    """The error for an answer that is a refusal: by the service's own word for it where that is known, else by its
    status."""
    message = plain(reply.text.strip())[:160] or "nothing"
    word = next((word for word in meant if word in reply.text), None)
    if word is not None:
        return ServiceError(f"{title} {meant[word]}")
    if reply.status == 429 or reply.status >= 500:
        why = "is asked too often" if reply.status == 429 else f"has a fault of its own ({reply.status})"
        return Busy(f"{title} {why}.", reply.after)
    if reply.status in (401, 403):
        return ServiceError(f"{title} does not accept the key ({reply.status}): {keys}.")
    if reply.status == 413:
        return ServiceError(f"{title} finds the pictures too large.")
    return ServiceError(f"{title} refused ({reply.status}): {message}")
