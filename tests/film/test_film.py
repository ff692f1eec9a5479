"""Whole films: what stays, what is refused, and what is left when something goes wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from veils import stirred

from faceveil.core.errors import Cancelled, InputError, OutputError
from faceveil.core.faces.face import Face
from faceveil.core.film.files import about, frames_of
from faceveil.core.film.frames import Picture
from faceveil.core.film.protect import Wardrobe, dress, find_veils
from faceveil.core.film.rewrite import rewrite
from faceveil.core.film.turning import turned


def protected(path, target, **how):
    worn = find_veils(frames_of(path), Wardrobe(None, [], stirred()), looks=turned(about(path).quarters))
    return rewrite(path, target, lambda index, frame: dress(index, frame, worn), **how), worn


def tracks(path):
    import av

    with av.open(str(path)) as film:
        return [(each.type, each.codec_context.name) for each in film.streams], film.streams.video[0].codec_context


def sound(path):
    import av

    with av.open(str(path)) as film:
        return b"".join(bytes(packet) for packet in film.demux(audio=0))


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("plain.mp4", {}),
        ("silent.mp4", {"audio": 0}),
        ("three.mkv", {"audio": 3}),
        ("deep.mkv", {"kind": "yuv420p10le", "audio": 0}),
        ("full.mkv", {"kind": "yuv444p", "audio": 0}),
        ("rate.mp4", {"times": [0, 40, 100, 120, 170, 230, 250, 333], "audio": 0}),
        ("web.webm", {"codec": "libvpx-vp9", "audio": 0}),
    ],
)
def test_everything_but_the_face_stays(films, tmp_path, name, how):
    path, target = films(name, **how), tmp_path / f"out-{name}"
    count, worn = protected(path, target)
    before, after = ([(t, f.planes.planes) for t, f in frames_of(p)] for p in (path, target))
    assert count == len(before) == len(after) == 8 and len(worn) == 1
    assert [round(t, 3) for t, _ in before] == [round(t, 3) for t, _ in after]
    (expected, one), (kept, two) = tracks(path), tracks(target)
    assert expected == kept and one.pix_fmt == two.pix_fmt and one.colorspace == two.colorspace
    if how.get("audio", 1):
        assert sound(path) == sound(target)
    change = np.mean([np.abs(a[0].astype(float) - b[0]) for (_, a), (_, b) in zip(before, after, strict=True)], 0)
    scale = 4 if "10le" in how.get("kind", "") else 1
    left, top, right, bottom = (round(side) for side in worn[0].course.at(4).box)
    assert change[top:bottom, left:right].mean() > 1.5 * change[:, :30].mean(), (
        "what lies elsewhere is only encoded again"
    )
    assert change[:, :30].mean() < 1.5 * scale


def test_a_film_that_lies_on_its_side_keeps_lying_there(films, portrait, tmp_path):
    pytest.importorskip("av")
    from films import moved, write

    frames = [np.rot90(frame, -1).copy() for frame in moved(portrait[..., 20:220, 100:356], 6, 180, 256, drift=4.0)]
    path = write(tmp_path / "phone.mov", frames, audio=0, turn=90)
    assert about(path).quarters == 1
    _, worn = protected(path, tmp_path / "out.mov")
    assert len(worn) == 1 and about(tmp_path / "out.mov").quarters == 1


def test_a_still_is_a_film_of_one_frame(films, tmp_path):
    assert protected(films("still.mp4", count=1, audio=0), tmp_path / "out.mp4")[0] == 1


def test_a_face_only_at_the_end_is_found(films, portrait, tmp_path):
    pytest.importorskip("av")
    from films import moved, write

    frames = [np.full((180, 256, 3), 120, np.uint8)] * 9 + moved(portrait[..., 20:220, 100:356], 3, 180, 256, 2.0)
    _, worn = protected(write(tmp_path / "end.mp4", frames, audio=0), tmp_path / "out.mp4")
    assert [(each.course.first, each.course.last) for each in worn] == [(9, 11)]


def test_damaged_files_and_others_are_one_sentence(films, examples, tmp_path):
    whole_film = films("whole.mp4")
    (tmp_path / "cut.mp4").write_bytes(whole_film.read_bytes()[:2000])
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("no film")
    for name in ("cut.mp4", "empty.mp4", "text.mp4", "nowhere.mp4"):
        with pytest.raises(InputError) as raised:
            about(tmp_path / name)
        assert "\n" not in str(raised.value) and name in str(raised.value)
    with pytest.raises(OutputError, match="format that can be written"):
        rewrite(whole_film, tmp_path / "out.gif", lambda index, frame: None)


def test_a_film_that_ends_too_soon_is_told_of(films, tmp_path):
    path = films("half.mkv", count=24, audio=0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    count = rewrite(path, tmp_path / "out.mkv", lambda index, frame: None)
    (note,) = about(path).notes_after(count)
    assert 0 < count < 20 and "promises 24 frames" in note
    assert about(films("whole.mkv", count=24, audio=0)).notes_after(24) == []


def test_a_hundred_shots_are_a_hundred_courses_and_none_leaves_its_shot():
    from faceveil.core.film.watch import watch

    generator = torch.Generator().manual_seed(0)
    shots = torch.rand(100, 9, 16, 3, generator=generator).repeat_interleave(8, 1).repeat_interleave(8, 2)
    frames = [(index / 25, Picture(shots[index // 3])) for index in range(300)]
    there = Face((30.0, 10.0, 80.0, 60.0), torch.tensor([[45.0, 25], [65, 25], [55, 35], [47, 48], [63, 48]]))
    shown = list(watch(frames, (lambda small: [there], lambda small, face: face)))
    assert len(shown) == 100 and all(len(shot.people) == 1 for shot in shown)
    assert [shot.people[0].course.first for shot in shown] == list(range(0, 300, 3))


def test_stopped_in_the_middle_nothing_is_left(films, tmp_path):
    def stop(done: int) -> None:
        if done == 3:
            raise Cancelled("stopped")

    before = films("film.mp4")
    here = set(tmp_path.iterdir())
    with pytest.raises(Cancelled):
        protected(before, tmp_path / "out.mp4", on_frame=stop)
    assert set(tmp_path.iterdir()) == here


def test_a_veil_that_hides_is_worn_again_in_the_next_shot(portrait, dlib_recogniser, monkeypatch):
    from faceveil.core.film import protect as room

    found = []
    monkeypatch.setattr(room, "learn", lambda *given: found.append(1) or type("L", (), {"veil": stirred()}))
    monkeypatch.setattr(Wardrobe, "hides", lambda self, veil, keys: True)
    wardrobe = Wardrobe(None, [dlib_recogniser])
    one, two = wardrobe.veil_for([]), wardrobe.veil_for([])
    assert one is two and len(found) == 1


def test_a_batch_of_pictures_is_a_film_too(portrait):
    batch = portrait[0].movedim(0, -1)[20:220, 100:356].expand(3, -1, -1, -1).clone()
    frames = [(index / 25, Picture(pixels)) for index, pixels in enumerate(batch)]
    worn = find_veils(frames, Wardrobe(None, [], stirred()))
    before = batch.clone()
    assert all(dress(index, frame, worn) == 1 for index, (_, frame) in enumerate(frames))
    assert not torch.equal(batch, before) and torch.equal(batch[:, :, :20], before[:, :, :20])
