"""Ledgers, downloads and memories that somebody else wrote, or that a disk did not keep."""

from __future__ import annotations

import hashlib
import io
import sqlite3
import zipfile
from contextlib import closing, suppress

import pytest
from cheap import hire, order
from hostility import Kept, share
from PIL import Image

from faceveil.core.many.checking import spoilt
from faceveil.core.many.ledger import Ledger
from faceveil.core.many.run import reports, run
from faceveil.core.many.sources import open_place
from faceveil.core.model_files.fetch import DOWNLOADS, Download, fetch
from faceveil.core.model_files.hashes import weights_hash

pytestmark = pytest.mark.slow
COLUMNS = ("target", "source", "stamp", "settings", "content", "state", "attempts", "reason", "seconds", "finished")
COLUMNS += ("protected", "margin", "psnr", "ssim", "report", "made", "made_size", "made_stamp", "version")
VALUES = ("NULL", "5", "'text'", "x'00ff'", "-1e308", "9e999", "'[[['", "''", "9223372036854775807", "'../../x.png'")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A run of three photos: the photos, the ledger's bytes, the results by name."""
    folder = tmp_path_factory.mktemp("sound")
    (folder / "in").mkdir()
    for index in range(3):
        Image.new("RGB", (64, 64), (index * 40, 0, 0)).save(folder / "in" / f"{index}.png")
    run(order(folder / "in", folder / "out"), hire(1))
    with closing(sqlite3.connect(folder / "out" / ".faceveil" / "ledger.sqlite")) as base:
        base.execute("PRAGMA journal_mode=DELETE")
    results = {path.name: path.read_bytes() for path in (folder / "out").glob("*.png")}
    return folder / "in", (folder / "out" / ".faceveil" / "ledger.sqlite").read_bytes(), results


def harmed(data, path, chance):
    """A ledger that is none any more, or holds what nobody wrote; what was done to it."""
    kind = chance.choice(["bytes", "bytes", "rows", "rows", "tables", "other"])
    changed = bytearray(data)
    if kind == "bytes":
        for _ in range(chance.choice([1, 5, 50, 500])):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        if chance.random() < 0.3:
            del changed[chance.randrange(len(changed)) :]
    path.write_bytes(chance.choice([b"", b"no ledger", bytes(9999)]) if kind == "other" else changed)
    orders = {
        "rows": f"UPDATE photos SET {chance.choice(COLUMNS)} = {chance.choice(VALUES)}",
        "tables": chance.choice(["DROP TABLE photos", "DROP TABLE runs", "ALTER TABLE photos DROP COLUMN ssim"]),
    }
    if kind in orders:
        with closing(sqlite3.connect(path)) as base, suppress(sqlite3.Error):
            base.execute(orders[kind])
            base.commit()
    return orders.get(kind, kind)


def test_ledgers(tally, chance, tmp_path, sound):
    photos, data, results = sound
    out = tmp_path / "out"
    ledger = out / ".faceveil" / "ledger.sqlite"
    ledger.parent.mkdir(parents=True)
    for _ in range(share(0.06)):
        for name, content in results.items():
            (out / name).write_bytes(content)
        (out / "mine.png").write_bytes(b"somebody's own")
        for rest in ledger.parent.glob("*-wal"), ledger.parent.glob("*-shm"):
            [path.unlink() for path in rest]
        what = harmed(data, ledger, chance)

        def ask():
            with closing(Ledger(out / ".faceveil")) as read:
                read.counts(), read.totals(), read.rate(), read.versions()
                list(read.worst()), list(reports(read)), list(spoilt(read, open_place(str(out))))

        def go_on():
            run(order(photos, out), hire(1))

        kept = Kept([*photos.iterdir(), out / "mine.png"])
        tally.judge("ledgers", f"ask: {what}", ask, kept)
        tally.judge("ledgers", f"go on: {what}", go_on, kept)


def test_archives(tally, chance, tmp_path, monkeypatch):
    """What a server hands out instead of the known file is never installed."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("inner/net.onnx", bytes(range(256)) * 20)
        pack.writestr("../../escape.onnx", b"evil")
    data, digest = made.getvalue(), hashlib.sha256(bytes(range(256)) * 20).hexdigest()
    archive, home = tmp_path / "pack.zip", tmp_path / "home"
    for _ in range(share(0.06)):
        changed = bytearray(data)
        for _ in range(chance.choice([1, 1, 3, 30])):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        cut = chance.choice([len(changed)] * 3 + [chance.randrange(len(changed))])
        archive.write_bytes(changed[:cut])
        offer = Download(archive.as_uri(), "insightface", "pack", (("net.onnx", digest),), "free")
        monkeypatch.setitem(DOWNLOADS, "pack", offer)

        def ask():
            (file,) = fetch("pack")
            assert hashlib.sha256(file.read_bytes()).hexdigest() == digest
            file.unlink()

        tally.judge("archives", f"{cut} of {len(data)} bytes", ask, Kept([tmp_path / "escape.onnx"]))
        assert not [path for path in home.rglob("*") if path.is_file()]


def test_memories_of_hashes(tally, chance, tmp_path):
    """They cost time and nothing else."""
    home, large = tmp_path / "home", tmp_path / "large"
    home.mkdir()
    large.write_bytes(bytes(1 << 20))
    right = weights_hash([large])
    for _ in range(share(0.01)):
        content = chance.choice(
            [b"[" * 10**5, b"\xff", b"5", b"{}", f'{{"{large}": {chance.choice([5, [], [1, 2, 3, 4, 5]])}}}']
        )
        (home / "hashes.json").write_bytes(content if isinstance(content, bytes) else content.encode())

        def ask():
            assert weights_hash([large]) == right

        tally.judge("memories of hashes", str(content)[:40], ask)
