"""A small server that stands in for a service: it writes down what it is sent and answers as it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Request:
    """One request, its form taken apart."""

    path: str
    headers: dict[str, str]
    body: bytes
    form: dict[str, bytes] = field(default_factory=dict)


Response = tuple[int, object] | tuple[int, object, dict[str, str]]
"""Status, what becomes JSON (or text as it is), and headers."""


@dataclass
class Double:
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    says: Callable[[Request], Response] = lambda request: (500, {})

    def answers(self, *all_of: Response) -> None:
        """One after the other, the last for ever."""
        left = list(all_of)
        self.says = lambda request: left.pop(0) if len(left) > 1 else left[0]


def _form(headers: object, body: bytes) -> dict[str, bytes]:
    kind = headers.get("Content-Type", "")
    if not kind.startswith("multipart/form-data"):
        return {}
    message = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    return {
        part.get_param("name", header="Content-Disposition"): part.get_payload(decode=True)
        for part in message.get_payload()
    }


@contextmanager
def double() -> Iterator[Double]:
    made = Double()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.path, headers, body, _form(self.headers, body))
            made.requests.append(request)
            status, content, *more = made.says(request)
            payload = (
                content
                if isinstance(content, bytes)
                else content.encode()
                if isinstance(content, str)
                else json.dumps(content).encode()
            )
            self.send_response(status)
            for name, value in (more[0] if more else {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *more: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield made
        server.shutdown()
