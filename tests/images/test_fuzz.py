"""Damaged and odd photo files: each is read as a sound photo or refused with one clear sentence."""

from __future__ import annotations

import random
import warnings
from collections import Counter
from pathlib import Path

import pytest
import torch
from damaged import damaged_files

from faceveil.core.errors import InputError
from faceveil.core.images import MAX_SIDE, MIN_SIDE, read_photo


def outcome(path: Path) -> str:
    """What came of reading; fails unless it is a sound photo or one clear sentence."""
    try:
        photo = read_photo(path)
    except InputError as error:
        message = str(error)
        assert path.name in message
        assert message.splitlines() == [message]
        assert message.endswith(".") and len(message) < 250
        return "refused"
    _, height, width, channels = photo.pixels.shape
    assert (len(photo.pixels), channels, photo.pixels.dtype) == (1, 3, torch.float32)
    assert MIN_SIDE <= height <= MAX_SIDE and MIN_SIDE <= width <= MAX_SIDE
    for values in (photo.pixels, photo.alpha):
        if values is not None:
            assert values.shape[:3] == (1, height, width)
            low, high = values.aminmax()
            assert low >= 0 and high <= 1  # false for anything not finite, too
    return "read"


def test_every_damaged_file_is_read_or_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    outcomes: Counter[tuple[str, str]] = Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number, (kind, extension, data) in enumerate(damaged_files(random.Random(20))):
            path = tmp_path / f"photo {number}.{extension}"
            path.write_bytes(data)
            try:
                outcomes[kind, outcome(path)] += 1
            except Exception as error:
                error.add_note(f"file {number}: {kind}, {extension}, {len(data)} bytes")
                raise
            path.unlink()
    assert list(tmp_path.iterdir()) == []
    assert caplog.records == []
    total = {result: sum(n for (_, r), n in outcomes.items() if r == result) for result in ("read", "refused")}
    assert outcomes.total() >= 500
    assert total["read"] >= 100 and total["refused"] >= 300
    for kind in ("sound", "extension", "tail"):
        assert not outcomes[kind, "refused"], kind
    for kind in ("empty", "zeros", "text", "random", "head"):
        assert not outcomes[kind, "read"], kind
