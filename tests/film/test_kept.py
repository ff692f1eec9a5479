"""Films that are stopped go on where they were, and end as if nothing had happened."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from veils import stirred

from faceveil.core.errors import InputError, OutputError
from faceveil.core.faces.face import Face
from faceveil.core.film import protect as room
from faceveil.core.film import run
from faceveil.core.film.files import about, frames_of
from faceveil.core.film.kept import kept
from faceveil.core.film.protect import Wardrobe
from faceveil.core.film.rewrite import rewrite
from faceveil.core.film.track import Course
from faceveil.core.film.worn import Worn
from faceveil.core.methods.recipes import choose


def worn_at(first: int, veil) -> Worn:
    face = torch.tensor([[30.0, 10, 80, 60, 45, 25, 65, 25, 55, 35, 47, 48, 63, 48]])
    return Worn(Course(first, face.repeat(6, 1)), veil, [(first, Face((30.0, 10, 80, 60), face[0, 4:].view(5, 2)))])


def test_what_was_kept_is_what_was_worn_and_other_settings_keep_nothing(tmp_path, caplog):
    target, veil = tmp_path / "out.mp4", stirred()
    with pytest.raises(KeyboardInterrupt), kept(target, "one") as now:
        now.keep_shot([worn_at(0, veil)], 6)
        now.keep_shot([], 9)
        now.keep_shot([worn_at(9, veil)], 15)
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt), kept(target, "one") as later:
        assert (later.next_frame, later.frames, len(later.veils)) == (15, None, 1)
        assert [each.course.first for each in later.worn] == [0, 9]
        assert torch.equal(later.worn[1].course.places, worn_at(9, veil).course.places)
        assert later.worn[0].veil is later.worn[1].veil
        assert all(torch.equal(later.worn[0].veil.knots[name], knots) for name, knots in veil.knots.items())
        assert later.worn[1].key_faces[0][0] == 9 and not later.worn[0].keys
        later.keep_end(15)
        raise KeyboardInterrupt
    with kept(target, "one") as last:
        assert last.frames == 15
    assert not list(tmp_path.iterdir()), "all is swept when the film is done"
    with pytest.raises(KeyboardInterrupt), kept(target, "one") as now:
        now.keep_shot([worn_at(0, veil)], 6)
        raise KeyboardInterrupt
    assert not caplog.records
    with kept(target, "two") as other:
        assert not other.worn and not other.next_frame
    assert "was made with other settings: the film is begun anew" in caplog.text


@pytest.mark.parametrize("harm", [b"", b"nonsense"])
def test_what_was_kept_and_is_damaged_is_done_again(tmp_path, harm, caplog):
    target = tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt), kept(target, "one") as now:
        now.keep_shot([worn_at(0, stirred())], 6)
        raise KeyboardInterrupt
    (path,) = tmp_path.glob(".*/shot-*")
    path.write_bytes(harm)
    with kept(target, "one") as later:
        assert not later.worn and not path.exists()
    assert "is damaged: the film is begun anew" in caplog.text


def test_a_kept_frame_that_is_no_number_is_damage(tmp_path):
    target = tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt), kept(target, "one") as now:
        now.keep_shot([worn_at(0, stirred())], 6)
        raise KeyboardInterrupt
    (path,) = tmp_path.glob(".*/shot-*")
    with safe_open(path, "pt") as stored:
        metadata = stored.metadata()
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    tensors["places.0"][:, 0] = float("inf")
    save_file(tensors, path, metadata)
    with kept(target, "one") as later:
        assert not later.worn


def test_what_would_fail_again_keeps_nothing_and_two_at_once_are_told(tmp_path):
    with pytest.raises(InputError), kept(tmp_path / "out.mp4", "one") as now:
        now.keep_shot([worn_at(0, stirred())], 6)
        raise InputError("no film")
    assert not list(tmp_path.iterdir())
    again = kept(tmp_path / "out.mp4", "one")
    with kept(tmp_path / "out.mp4", "one"), pytest.raises(OutputError, match="another run"), again:
        pass


class Stopped(Exception):
    pass


def test_a_film_that_was_stopped_goes_on_and_ends_the_same(films, tmp_path, monkeypatch, dlib_recogniser):
    from faceveil.core.verdict.verify import Witness

    monkeypatch.setattr("faceveil.core.film.rewrite.PART", 5)
    path, target, learned, dressed = films("film.mp4", count=14), tmp_path / "out.mp4", [], []
    monkeypatch.setattr(room, "learn", lambda *given: learned.append(1) or type("L", (), {"veil": stirred()}))
    put_on = Worn.put_on
    monkeypatch.setattr(Worn, "put_on", lambda self, index, *rest: dressed.append(index) or put_on(self, index, *rest))

    def protected(on_written=lambda done: None, settings: str | None = "these"):
        wardrobe, witness = Wardrobe(choose("light"), [dlib_recogniser]), Witness(dlib_recogniser)
        how = {"on_written": on_written, "settings": settings}
        return run.protect_file(path, about(path), target, wardrobe, [witness], "1e-2", **how)

    def stop(done: int) -> None:
        if done == 8:
            raise Stopped

    before = set(tmp_path.iterdir())
    with pytest.raises(Stopped):
        protected(stop)
    assert not target.exists() and len(list(tmp_path.glob(".*/part-*"))) == 1
    dressed.clear()
    done = protected()
    assert done.frames == 14 and dressed == list(range(5, 14)) and len(learned) == 1, "nothing is done again"
    assert done.verdicts[0].frames == 14 and set(tmp_path.iterdir()) == {*before, target}
    resumed = target.read_bytes()
    protected(settings=None)
    assert target.read_bytes() == resumed and len(learned) == 2


def test_parts_join_without_a_seam(films, tmp_path, monkeypatch):
    """Rates that vary, frames that are stored in another order than shown, and a last part that is full."""
    path = films("rate.mp4", count=12, times=[0, 40, 50, 90, 200, 210, 220, 300, 340, 345, 350, 480])
    for size in (4, 5, 12):
        monkeypatch.setattr("faceveil.core.film.rewrite.PART", size)
        assert rewrite(path, tmp_path / "out.mp4", lambda index, frame: None) == 12
        times = [[round(t, 3) for t, _ in frames_of(each)] for each in (path, tmp_path / "out.mp4")]
        assert times[0] == times[1]
        assert about(tmp_path / "out.mp4").frames == 12


def test_all_parts_of_a_film_may_be_there(films, tmp_path, monkeypatch):
    monkeypatch.setattr("faceveil.core.film.rewrite.PART", 4)
    path, folder, seen = films("film.mp4", count=6), tmp_path / "parts", []
    folder.mkdir()
    rewrite(path, tmp_path / "one.mp4", lambda index, frame: seen.append(index), folder=folder)
    assert rewrite(path, tmp_path / "two.mp4", lambda index, frame: seen.append(index), folder=folder) == 6
    assert seen == list(range(6)) and (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


@pytest.mark.parametrize("doing", ["begin", "end"])
def test_a_full_disk_is_one_sentence_and_nobody_else_is_kept_out(tmp_path, monkeypatch, doing):
    @contextmanager
    def full(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        yield path

    target = tmp_path / "out.mp4"
    with pytest.raises(OutputError, match="make room"), monkeypatch.context() as at_first:
        if doing == "begin":
            at_first.setattr("faceveil.core.film.kept.whole", full)
        with kept(target, "one") as now:
            at_first.setattr("faceveil.core.film.kept.whole", full)
            now.keep_end(5)
    with kept(target, "one") as again:
        assert not again.worn
