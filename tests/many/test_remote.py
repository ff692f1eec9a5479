"""Photos and results that lie in an object store: in memory, and in one that speaks S3 on this machine."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from cheap import hire, order
from many_photos import contents

from faceveil.core.errors import InputError, OutputError
from faceveil.core.many import remote
from faceveil.core.many.run import run
from faceveil.core.many.sources import names_many, open_place, source_of


@pytest.fixture
def few(photos):
    """Two dozen of them, by key."""
    folder = photos / "class 0"
    return {f"deep/{path.name}": path.read_bytes() for path in sorted(folder.iterdir())[:24]}


@pytest.fixture
def memory(few):
    import fsspec

    files = fsspec.filesystem("memory")
    files.store.clear()
    files.pseudo_dirs[:] = [""]
    for key, data in few.items():
        files.pipe_file(f"/in/{key}", data)
    return files


def local(few, tmp_path):
    """The same run with folders."""
    for key, data in few.items():
        path = tmp_path / "in" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    run(order(tmp_path / "in", tmp_path / "out"), hire(1))
    return contents(tmp_path / "out")


def objects(files, root):
    return {path.removeprefix(root).lstrip("/"): files.cat_file(path) for path in files.find(root)}


def test_memory_as_source_and_target_and_resuming(few, memory, tmp_path):
    wanted = order("memory://in", "memory://out/here")
    assert run(wanted, hire(1)).done == 24
    assert objects(memory, "/out/here") == local(few, tmp_path)
    memory.rm_file("/out/here/deep/000.png")
    memory.pipe_file("/in/deep/004.png", memory.cat_file("/in/deep/008.png"))
    summary = run(wanted, hire(1))
    assert (summary.skipped, summary.done) == (22, 2)
    assert memory.cat_file("/out/here/deep/004.png") == memory.cat_file("/out/here/deep/008.png")
    assert len(list((Path(os.environ["FACEVEIL_HOME"]) / "ledgers").glob("memory-out-here-*/ledger.sqlite"))) == 1


def test_globs_single_objects_and_folders_mix(few, memory, tmp_path):
    photos = ("memory://in/deep/00?.png", "memory://in/deep/012.png")
    assert run(replace(order("", "memory://some"), photos=photos), hire(1)).done == 4
    assert sorted(objects(memory, "/some")) == ["000.png", "004.png", "008.png", "012.png"]
    assert run(order("memory://in", tmp_path / "here"), hire(1)).done == 24
    assert len(contents(tmp_path / "here")) == 24
    assert run(order(tmp_path / "here" / "deep", "memory://back"), hire(1)).done == 24


def test_results_among_remote_photos_are_refused(memory):
    for out in ("memory://in", "memory://in/results"):
        with pytest.raises(InputError, match="among the photos"):
            run(order("memory://in", out), hire(1))
    assert run(order("memory://in", "memory://in-results"), hire(1)).done == 24


def test_what_names_many_and_what_cannot_be_opened(tmp_path, monkeypatch):
    (tmp_path / "a[1].png").touch()
    assert names_many("s3://bucket/a.png") and names_many(str(tmp_path)) and names_many("photos/*.jpg")
    assert not names_many(str(tmp_path / "a[1].png")) and source_of(str(tmp_path / "a[1].png")).key == "a[1].png"
    with pytest.raises(InputError, match="pip install fsspec s3fs"):
        open_place("nonsense://bucket")
    with monkeypatch.context() as silent, pytest.raises(InputError, match=r"cannot be opened \(ImportError\)"):
        silent.setattr("fsspec.core.url_to_fs", lambda text: (_ for _ in ()).throw(ImportError))
        open_place("memory://bucket")
    with pytest.raises(InputError, match="no photos"):
        run(order("memory://nothing/here", "memory://out"), hire(1))


def test_a_store_that_fails_stops_the_run_and_loses_nothing(few, memory, tmp_path, monkeypatch):
    wanted, real, calls = order("memory://in", "memory://out"), type(memory).put_file, []

    def breaks(self, *arguments, **more):
        calls.append(arguments)
        if len(calls) > 5:
            raise ConnectionError("the line went dead")
        return real(self, *arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(type(memory), "put_file", breaks)
        with pytest.raises(OutputError, match=r"cannot be written \(the line went dead\).*run the same command again"):
            run(wanted, hire(1))
    assert len(objects(memory, "/out")) == 5
    summary = run(wanted, hire(1))
    assert (summary.skipped, summary.done, summary.failed) == (5, 19, 0)
    assert objects(memory, "/out") == local(few, tmp_path)


def test_no_unprotected_copy_lies_on_a_disk(memory, tmp_path, monkeypatch):
    """Whoever is killed leaves nothing that anybody could look at."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    place, seen = open_place("memory://in"), []
    with place.fetch("deep/000.png") as path:
        files = [found for found in (tmp_path / "tmp").rglob("*") if found.is_file() and not found.is_symlink()]
        seen.append((path.read_bytes(), path.name, sum(found.stat().st_size for found in files)))
    assert seen == [(memory.cat_file("/in/deep/000.png"), "000.png", 0)]
    assert not list((tmp_path / "tmp").iterdir())


def test_a_file_that_no_photo_is_as_large_as_is_not_fetched(memory, monkeypatch):
    monkeypatch.setattr(remote, "LARGEST", 100)
    with pytest.raises(InputError, match="which no photo has"), open_place("memory://in").fetch("deep/000.png"):
        pass


def test_other_stores_get_files_whole_by_renaming(few, tmp_path):
    """fsspec's own view of a disk stands for servers on which a file is seen while it grows."""
    expected = local(few, tmp_path)
    url = f"local://{tmp_path / 'elsewhere'}"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / ".faceveil-00ff.part").write_bytes(b"half")
    assert run(order(tmp_path / "in", url), hire(1)).done == 24
    assert contents(tmp_path / "elsewhere") == expected


@pytest.fixture
def s3(few, monkeypatch, caplog):
    """A bucket on this machine, with photos in it."""
    import fsspec
    from moto.server import ThreadedMotoServer

    caplog.set_level("ERROR")  # it logs every request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }.items():
        monkeypatch.setenv(name, value)
    files = fsspec.filesystem("s3", skip_instance_cache=True)
    files.mkdir("portraits")
    for key, data in few.items():
        files.pipe_file(f"portraits/in/{key}", data)
    yield files
    server.stop()


@pytest.mark.slow
def test_s3_as_source_and_target_with_two_workers(few, s3, tmp_path):
    wanted = order("s3://portraits/in", "s3://portraits/out")
    assert run(wanted, hire(2)).done == 24
    s3.invalidate_cache()
    assert objects(s3, "portraits/out") == local(few, tmp_path)
    s3.rm_file("portraits/out/deep/000.png")
    s3.pipe_file("portraits/in/deep/004.png", few["deep/008.png"])
    summary = run(wanted, hire(1))
    assert (summary.skipped, summary.done, summary.failed) == (22, 2, 0)
    with pytest.raises(OutputError, match=r"no-such-bucket.* cannot be written \(.*bucket does not exist"):
        run(order("s3://portraits/in", "s3://no-such-bucket/x"), hire(1))
