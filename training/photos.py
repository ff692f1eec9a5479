"""The pictures our own models are trained on: photo packages of the Debian archive (see DATA.md).

    python training/photos.py FOLDER

downloads the packages by name, unpacks them, and writes `pool.npz`: every picture that looks like a
photo, no more than 1024 pixels wide, transparent parts filled with a colour of their own.
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile

PACKAGES = (
    "gnome-backgrounds",
    "lomiri-wallpapers-16.04",
    "lomiri-wallpapers-20.04",
    "mate-backgrounds",
    "plasma-workspace-wallpapers",
    "supertuxkart-data",
    "tuxpaint-stamps-default",
    "ukui-wallpapers",
)
LARGEST, SMALLEST = 1024, 96
Image.MAX_IMAGE_PIXELS = None
ImageFile.LOAD_TRUNCATED_IMAGES = True


def download(folder: Path) -> None:
    """Fetch and unpack what is not there yet. Needs Debian's `apt-get` and `dpkg-deb`."""
    folder.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        if (folder / package).is_dir():
            continue
        subprocess.run(["apt-get", "download", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = folder.glob(f"{package}_*.deb")
        subprocess.run(["dpkg-deb", "-x", archive, folder / package], check=True)
        archive.unlink()


def flatten(picture: Image.Image, colour: np.ndarray) -> np.ndarray:
    """RGB uint8, with transparency laid over `colour`."""
    if picture.mode in ("P", "LA", "RGBA", "PA"):
        rgba = np.asarray(picture.convert("RGBA"), dtype=np.float32)
        alpha = rgba[..., 3:] / 255
        return (rgba[..., :3] * alpha + colour * (1 - alpha)).round().astype(np.uint8)
    return np.asarray(picture.convert("RGB"))


def is_photo(pixels: np.ndarray) -> bool:
    """Photos hold many colours and fine detail nearly everywhere; drawings, icons and plain gradients do not."""
    luma = pixels.astype(np.float32).mean(2)
    detail = np.abs(np.diff(luma, axis=1))[:-1] + np.abs(np.diff(luma, axis=0))[:, :-1]
    colours = len(np.unique(pixels.reshape(-1, 3)[:: max(1, pixels.size // 90_000)] // 8, axis=0))
    return bool(colours > 150 and (detail > 1).mean() > 0.35)


def collect(folder: Path) -> list[np.ndarray]:
    """Every photo of the packages once, in a fixed order."""
    generator = np.random.default_rng(0)
    pool: list[np.ndarray] = []
    seen: set[tuple[int, ...]] = set()
    for package in PACKAGES:
        for path in sorted((folder / package).rglob("*")):
            if path.suffix.lower() not in (".jpg", ".jpeg", ".png", ".webp") or path.is_symlink():
                continue
            if "normal" in path.stem.lower() or "_nm" in path.stem.lower():
                continue  # a game's surface normals, stored as colours
            try:
                with Image.open(path) as opened:
                    if min(opened.size) < SMALLEST:
                        continue
                    opened.draft("RGB", (LARGEST, LARGEST))
                    opened.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
                    pixels = flatten(opened, generator.uniform(40, 215, 3).astype(np.float32))
            except (OSError, ValueError):
                continue
            # The same wallpaper comes in several sizes and crops; its thumbnail tells.
            small = np.asarray(Image.fromarray(pixels).resize((4, 4), Image.Resampling.BOX)) // 16
            key = tuple(small.ravel().tolist())
            if min(pixels.shape[:2]) < SMALLEST or key in seen or not is_photo(pixels):
                continue
            seen.add(key)
            pool.append(pixels)
    return pool


def save(pool: list[np.ndarray], path: Path) -> None:
    np.savez(path, **{f"{i:05d}": pixels for i, pixels in enumerate(pool)})


def load(path: Path) -> list[np.ndarray]:
    with np.load(path) as stored:
        return [stored[name] for name in sorted(stored.files)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    download(options.folder)
    photos = collect(options.folder)
    save(photos, options.folder / "pool.npz")
    print(f"{len(photos)} photos, {sum(p.size for p in photos) / 3e6:.0f} megapixels")  # noqa: T201
