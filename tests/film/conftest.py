"""Small films; skipped where PyAV is not here."""

from __future__ import annotations

import pytest


@pytest.fixture
def films(portrait, tmp_path):
    """Writes a film of the portrait swaying about."""
    pytest.importorskip("av")
    from films import moved, write

    def make(name: str, count: int = 8, height: int = 180, width: int = 256, **how: object):
        return write(tmp_path / name, moved(portrait[..., 20:220, 100:356], count, height, width, drift=4.0), **how)

    return make
