"""Frames in planes: the colours that players show, and changes that touch nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from faceveil.core.faces.crops import Window
from faceveil.core.film.yuv import Coding, Planes


def planes_of(kind: str, pixels: np.ndarray, matrix: int = 1):
    av = pytest.importorskip("av")
    from faceveil.core.film.files import FilmFrame

    made = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=kind, dst_colorspace=matrix, dst_color_range=1)
    made.colorspace, made.color_range = matrix, 1
    frame = av.VideoFrame(made.width, made.height, kind)
    frame.colorspace, frame.color_range = matrix, 1
    from faceveil.core.film.files import views_of

    for there, here in zip(views_of(frame), views_of(made), strict=True):
        there[:] = here
    return FilmFrame(frame)


def smooth(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([60 + x, 40 + y, 150 - (x + y) // 3], -1).astype(np.uint8)


@pytest.mark.parametrize("kind", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p10le"])
def test_a_window_has_the_colours_that_were_written(kind):
    pixels = smooth(64, 80)
    window = Window(11, 7, 61, 53)
    there = planes_of(kind, pixels).cut(window)
    expected = torch.from_numpy(pixels[7:53, 11:61]).movedim(-1, 0)[None] / 255
    assert (there - expected).abs().mean() < 0.006


@pytest.mark.parametrize("kind", ["yuv420p", "yuv444p10le"])
def test_a_change_arrives_and_all_else_stays(kind):
    frame, window = planes_of(kind, smooth(64, 80)), Window(10, 6, 50, 46)
    before = [plane.copy() for plane in frame.planes.planes]
    change = torch.zeros(1, 3, 40, 40)
    change[:, 0, 10:30, 10:30] = 0.1
    was = frame.cut(window)
    frame.put(window, change)
    assert ((frame.cut(window) - was) - change)[..., 12:28, 12:28].abs().mean() < 0.01
    for now, then in zip(frame.planes.planes, before, strict=True):
        down, across = 64 // now.shape[0], 80 // now.shape[1]
        inside = np.zeros_like(then, dtype=bool)
        inside[16 // down : 36 // down, 20 // across : 40 // across] = True
        assert (now[~inside] == then[~inside]).all() and (now[inside] != then[inside]).any()


def test_nothing_added_changes_nothing_and_windows_may_reach_over_the_border():
    frame = planes_of("yuv420p", smooth(63, 81))
    before = [plane.copy() for plane in frame.planes.planes]
    for window in (Window(-9, -9, 30, 30), Window(60, 50, 99, 89), Window(500, 500, 520, 520)):
        if window.left < 81:
            assert frame.cut(window).shape == (1, 3, window.height, window.width)
        frame.put(window, torch.zeros(1, 3, window.height, window.width))
    assert all((now == then).all() for now, then in zip(frame.planes.planes, before, strict=True))


def test_grey_of_full_range_is_grey():
    grey = tuple(np.full((8, 8), 128, np.uint8) for _ in range(3))
    assert (Planes(grey, Coding(full=True, across=1, down=1)).rgb(Window(0, 0, 8, 8)) - 128 / 255).abs().max() < 1e-6
