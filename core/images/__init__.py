"""The one image convention, and the only place where photo files are read and written.

Pictures are float32 RGB in [0, 1]: (B, H, W, 3) at the borders (files, nodes), (B, 3, H, W) inside.
Values stay in the photo's own colour space: its profile travels along as bytes, untouched.
"""

from .doors import PICTURE, PICTURE_MASK, ordinary, refuse_unfit
from .folders import SUFFIXES, list_photos
from .grid import draw_grid
from .modes import from_pil
from .pairs import pairs_in
from .photo import Photo, as_saved, image_of, in_range, to_bchw, to_bhwc, to_pil, to_uint8
from .reading import MAX_SIDE, MIN_SIDE, read_mask, read_photo, refuse_missing
from .writing import check_place, check_target, write_photo

__all__ = [
    "MAX_SIDE",
    "MIN_SIDE",
    "PICTURE",
    "PICTURE_MASK",
    "SUFFIXES",
    "Photo",
    "as_saved",
    "check_place",
    "check_target",
    "draw_grid",
    "from_pil",
    "image_of",
    "in_range",
    "list_photos",
    "ordinary",
    "pairs_in",
    "read_mask",
    "read_photo",
    "refuse_missing",
    "refuse_unfit",
    "to_bchw",
    "to_bhwc",
    "to_pil",
    "to_uint8",
    "write_photo",
]
