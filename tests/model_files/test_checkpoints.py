"""A pickle that lies about its arrays is refused before any of it is touched."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from faceveil.core.model_files.checkpoints import read_flax_pickle


class Call:
    """Pickles as a call of anything."""

    def __init__(self, *call: object) -> None:
        self.call = call

    def __reduce__(self) -> tuple:
        return self.call[0], self.call[1:]


@pytest.mark.parametrize(
    "kernel",
    [
        Call(np.ndarray, (1, 1, 1, 1), np.dtype("O"), b"A" * 8),  # forged pointers
        np.array([[[[{}]]]], dtype=object),
        np.zeros((1, 1, 1, 1), dtype=[("a", "f4")]),
        np.zeros((1, 1, 1, 1)),
        Call(eval, "1"),
    ],
)
def test_only_plain_float32_is_read(tmp_path, kernel):
    path = tmp_path / "vgg16.ckpt"
    path.write_bytes(pickle.dumps({"VGG16_0": {"Conv_0": {"kernel": kernel, "bias": kernel}}}, protocol=3))
    with pytest.raises(pickle.UnpicklingError):
        read_flax_pickle(path)
