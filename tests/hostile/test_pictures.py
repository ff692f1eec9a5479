"""Photos and masks from strangers, as files and as tensors."""

from __future__ import annotations

from itertools import cycle

import pytest
import torch
from damaged import damaged_files
from hostility import share

from faceveil.core.faces.masks import fit_mask
from faceveil.core.images import Photo, image_of, read_mask, read_photo, refuse_unfit, write_photo
from faceveil.core.images.doors import PICTURE, PICTURE_MASK

pytestmark = pytest.mark.slow


def test_damaged_photos(tally, chance, tmp_path):
    """Read, and what could be read is written in every format."""
    cases = list(damaged_files(chance))
    while len(cases) < share(0.4):
        cases += damaged_files(chance)
    formats = cycle(["png", "jpg", "webp", "tif", "bmp"])

    def there_and_back(path):
        photo = read_photo(path)
        read_mask(path)
        target = path.with_name(f"out.{next(formats)}")
        if photo.alpha is None:
            write_photo(photo, target, keep_metadata=True)
            again = read_photo(target)
            assert again.pixels.shape == photo.pixels.shape

    for kind, suffix, data in chance.sample(cases, share(0.4)):
        path = tmp_path / f"photo.{suffix}"
        path.write_bytes(data)
        tally.judge("damaged photos", f"{kind} {suffix}, {len(data)} bytes", lambda path=path: there_and_back(path))


DTYPES = (torch.float32, torch.float64, torch.float16, torch.uint8, torch.int64, torch.bool, torch.complex64)
VALUES = ("unit", "bytes", "below", "nan", "inf", "empty")
SHAPES = ((1, 64, 64, 3), (64, 64, 3), (1, 3, 64, 64), (1, 64, 64), (64, 64), (2, 64, 64, 3), (1, 1, 64, 64), (), (0,))


def odd_tensor(chance):
    values, shape = chance.choice(VALUES), chance.choice(SHAPES)
    made = torch.rand(shape) * {"bytes": 255, "below": -1}.get(values, 1)
    if values in ("nan", "inf") and made.numel():
        made.flatten()[0] = float(values)
    made = made[:0] if values == "empty" and made.ndim else made
    made = made.to(chance.choice(DTYPES))
    made = made.transpose(0, -1) if made.ndim > 1 and chance.random() < 0.2 else made
    return chance.choice([made, made, made, made.tolist(), None, "a name", 0.5]), f"{values} {shape} {made.dtype}"


def test_odd_tensors(tally, chance):
    doors = {
        "photo": lambda made: image_of(Photo(made)),
        "alpha": lambda made: Photo(torch.rand(1, 64, 64, 3), alpha=made),
        "mask": lambda made: fit_mask(made, 64, 64),
        "picture": lambda made: refuse_unfit(made, "A picture", PICTURE),
        "picture's mask": lambda made: refuse_unfit(made, "A mask", PICTURE_MASK),
    }
    for _ in range(share(0.15)):
        made, name = odd_tensor(chance)
        door = chance.choice(list(doors))

        def through(made=made, door=door):
            doors[door](made)
            if made is not None:
                low, high = made.aminmax()
                assert made.dtype == torch.float32 and low >= -0.01 and high <= 1.01

        tally.judge("odd tensors", f"{door}: {name}", through)
