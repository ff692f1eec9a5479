"""Downloads from whoever answers: hostile servers, hostile archives, and what is written in no case."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import socketserver
import struct
import threading
import zipfile
from pathlib import Path

import pytest

from faceveil.core.errors import ModelError
from faceveil.core.model_files import fetch as fetching
from faceveil.core.model_files.fetch import DOWNLOADS, Download, fetch


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVEIL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "home"


def test_every_known_file_has_a_whole_checksum():
    for download in DOWNLOADS.values():
        assert all(re.fullmatch("[0-9a-f]{64}", digest) for _, digest in download.files)
        assert download.url.startswith("https://")
        head = re.search(r"-([0-9a-f]{8})\.pth$", download.url)
        assert head is None or download.files[0][1].startswith(head[1]), "torch's own word for its file"


@pytest.fixture
def server():
    """Answers with these bytes whatever it is asked."""
    held = {}

    class Says(socketserver.StreamRequestHandler):
        def handle(self):
            self.rfile.readline()
            try:
                for part in held["parts"]:
                    self.wfile.write(part)
            except OSError:
                pass

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True

    with Server(("127.0.0.1", 0), Says) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        held["url"] = f"http://127.0.0.1:{made.server_address[1]}/weights"
        yield held
        made.shutdown()


def offer(monkeypatch, url, digest="0" * 64, file="weights.onnx"):
    monkeypatch.setitem(DOWNLOADS, "known", Download(url, "recognisers", "", ((file, digest),), "free"))


def endless():
    yield b"HTTP/1.1 200 OK\r\n\r\n"
    while True:
        yield bytes(1 << 16)


ANSWERS = {
    "nothing": [],
    "no-http": [b"\x00\xff\x00 hello\r\n\r\n"],
    "not-a-status": [b"HTTP/1.1 many OK\r\n\r\n"],
    "long-line": [b"HTTP/1.1 200 OK\r\nX: ", b"x" * 70000, b"\r\n\r\n"],
    "many-headers": [b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 200, b"\r\n"],
    "bad-chunk": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello"],
    "short": [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"],
    "absurd-length": [b"HTTP/1.1 200 OK\r\nContent-Length: ", b"9" * 5000, b"\r\n\r\nshort"],
    "negative-length": [b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nshort"],
    "too-large": [b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nshort"],
    "to-nowhere": [b"HTTP/1.1 302 Found\r\nLocation: gopher://x\r\nContent-Length: 0\r\n\r\n"],
    "round-and-round": [b"HTTP/1.1 302 Found\r\nLocation: /weights\r\nContent-Length: 0\r\n\r\n"],
    "escapes": [b"HTTP/1.1 404 \x1b[2Jgone\r\n\r\n"],
}


@pytest.mark.parametrize("name", ANSWERS)
def test_whatever_a_server_says_is_one_sentence(server, monkeypatch, own_home, name):
    server["parts"] = ANSWERS[name]
    offer(monkeypatch, server["url"])
    with pytest.raises(ModelError) as raised:
        fetch("known")
    assert str(raised.value).isprintable()
    assert not [path for path in own_home.rglob("*") if path.is_file()]


def test_a_download_that_never_ends_is_given_up(server, monkeypatch, own_home):
    monkeypatch.setattr(fetching, "LARGEST", 1 << 20)
    server["parts"] = endless()
    offer(monkeypatch, server["url"])
    with pytest.raises(ModelError, match="sends more than 1 MB"):
        fetch("known")
    monkeypatch.setattr(fetching, "LONGEST", -1)
    server["parts"] = [b"HTTP/1.1 200 OK\r\n\r\nslowly"]
    with pytest.raises(ModelError, match="took more than"):
        fetch("known")
    assert not [path for path in own_home.rglob("*") if path.is_file()]


def archive(content=b"weights", method=zipfile.ZIP_DEFLATED):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as pack:
        pack.writestr("inner/weights.onnx", content)
    return made.getvalue()


def altered(data, at_local, at_central, value):
    """The same field in a member's own header and in the table of contents."""
    changed, central = bytearray(data), data.find(b"PK\x01\x02")
    for place in (at_local, central + at_central):
        changed[place : place + 2] = struct.pack("<H", value)
    return bytes(changed)


ARCHIVES = {
    "no-archive": b"<html>",
    "empty": b"",
    "cut": archive(bytes(5000))[:60],
    "encrypted": altered(archive(), 6, 8, 1),
    "unknown-method": altered(archive(), 8, 10, 77),
    "damaged": archive(b"weights" * 100)[:50] + b"\xff" * 8 + archive(b"weights" * 100)[58:],
    "bomb": archive(bytes(3 << 20)),
    "of-another": archive().replace(b"weights.onnx", b"another.onnx"),
    "newer": altered(archive(), 4, 6, 9999),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_odd_archives_install_nothing(monkeypatch, tmp_path, own_home, name):
    monkeypatch.setattr(fetching, "LARGEST", 2 << 20)
    (tmp_path / "pack.zip").write_bytes(ARCHIVES[name])
    offer(monkeypatch, (tmp_path / "pack.zip").as_uri())
    with pytest.raises(ModelError, match="was not installed"):
        fetch("known")
    assert not [path for path in own_home.rglob("*") if path.is_file()]
    (tmp_path / "pack.zip").write_bytes(archive())
    offer(monkeypatch, (tmp_path / "pack.zip").as_uri(), hashlib.sha256(b"weights").hexdigest())
    assert fetch("known")[0].read_bytes() == b"weights"


def test_models_that_lie_on_another_disk_are_fetched_too(monkeypatch, tmp_path, own_home):
    """A rename does not lead from one disk to another: somebody's models folder may be a link to a larger one."""
    real = {name: getattr(os, name) for name in ("rename", "replace")}

    def on_two_disks(name):
        def move(source, target, **more):
            if Path(source).parent != Path(target).parent:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            return real[name](source, target, **more)

        return move

    for name in real:
        monkeypatch.setattr(os, name, on_two_disks(name))
    (tmp_path / "weights").write_bytes(b"weights")
    offer(monkeypatch, (tmp_path / "weights").as_uri(), hashlib.sha256(b"weights").hexdigest())
    (file,) = fetch("known")
    assert file.read_bytes() == b"weights"
    assert [path for path in own_home.rglob("*") if path.is_file()] == [file], "and nothing is left behind"
