"""Downloads, only ever on request: known files, each with the checksum it must have.

Every checksum was found alike in several independent public records; those of torch's files also begin with the digits
in their names.
"""

from __future__ import annotations

import shutil
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath

from ..errors import InputError, ModelError, OutputError
from ..plain import did_you_mean, plain, reason_of
from ..scratch import scratch
from ..whole import whole
from .hashes import content_of
from .places import download_folder, home

LARGEST = 2**30
"""Bytes of a download, and of what it unpacks to; the largest known has 575 million."""
LONGEST = 6 * 3600
"""Seconds of a download: a server that sends a byte now and then would never end."""
_INSIGHTFACE = "https://github.com/deepinsight/insightface/releases/download/v0.7/"
_NON_COMMERCIAL = "insightface's model terms: non-commercial research only"


@dataclass(frozen=True)
class Download:
    """One address, what it brings, and under which terms. Files are (name, SHA-256)."""

    url: str
    kind: str
    folder: str
    files: tuple[tuple[str, str], ...]
    licence: str


_DET_10G = ("det_10g.onnx", "5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91")
_DET_500M = ("det_500m.onnx", "5e4447f50245bbd7966bd6c0fa52938c61474a04ec7def48753668a9d8b4ea3a")

DOWNLOADS: dict[str, Download] = {
    "buffalo_l": Download(
        _INSIGHTFACE + "buffalo_l.zip",
        "insightface",
        "buffalo_l",
        (("w600k_r50.onnx", "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43"), _DET_10G),
        _NON_COMMERCIAL,
    ),
    "buffalo_s": Download(
        _INSIGHTFACE + "buffalo_s.zip",
        "insightface",
        "buffalo_s",
        (("w600k_mbf.onnx", "9cc6e4a75f0e2bf0b1aed94578f144d15175f357bdc05e815e5c4a02b319eb4f"), _DET_500M),
        _NON_COMMERCIAL,
    ),
    "antelopev2": Download(
        _INSIGHTFACE + "antelopev2.zip",
        "insightface",
        "antelopev2",
        (("glintr100.onnx", "4ab1d6435d639628a6f3e5008dd4f929edf4c4124b1a7169e1048f9fef534cdf"),),
        _NON_COMMERCIAL,
    ),
    "auraface": Download(
        "https://huggingface.co/fal/AuraFace-v1/resolve/af6d057c9b0ec4071d4c49c80e3539258798b609/glintr100.onnx",
        "insightface",
        "auraface",
        (("glintr100.onnx", "a7933ea5330113b01c9b60351d8f4c33003f145d8470ac5f0e52ee2effe25c60"),),
        "Apache-2.0",
    ),
    "face_recognition_sface_2021dec": Download(
        "https://github.com/opencv/opencv_zoo/raw/47534e27c9851bb1128ccc0102f1145e27f23f98/models/"
        "face_recognition_sface/face_recognition_sface_2021dec.onnx",
        "recognisers",
        "",
        (
            (
                "face_recognition_sface_2021dec.onnx",
                "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
            ),
        ),
        "Apache-2.0",
    ),
    "lpips-vgg": Download(
        "https://download.pytorch.org/models/vgg16-397923af.pth",
        "lpips",
        "",
        (("vgg16-397923af.pth", "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"),),
        "BSD-3-Clause",
    ),
    "lpips-alex": Download(
        "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
        "lpips",
        "",
        (("alexnet-owt-7be5be79.pth", "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02"),),
        "BSD-3-Clause",
    ),
    "vgg19": Download(
        "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
        "lpips",
        "",
        (("vgg19-dcbb9e9d.pth", "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44"),),
        "BSD-3-Clause",
    ),
}


def fetch(name: str, on_step: Callable[[int, int], None] = lambda done, of: None) -> list[Path]:
    """Download `name`, check it, and put its files where the catalogue looks. Files appear whole or not at all."""
    if name not in DOWNLOADS:
        hint = did_you_mean(name, DOWNLOADS)
        raise InputError(f"'{name}' cannot be fetched.{hint} What can be: {', '.join(DOWNLOADS)}.")
    download = DOWNLOADS[name]
    target = download_folder(download.kind) / download.folder
    try:
        target.mkdir(parents=True, exist_ok=True)
        with scratch(home()) as folder:  # where no scan for weights comes across it
            archive = folder / "download"
            _download(download, archive, target, on_step)
            return [_install(archive, file, digest, target, download) for file, digest in download.files]
    except OSError as error:
        raise OutputError(f"'{name}' could not be stored in {target}: {error.strerror or error}.") from error


def _download(download: Download, to: Path, target: Path, on_step: Callable[[int, int], None]) -> None:
    started = time.monotonic()
    try:
        with urllib.request.urlopen(download.url, timeout=30) as response, to.open("wb") as out:
            total, done = _announced(response.headers.get("Content-Length")), 0
            while block := response.read1(1 << 20):
                done += len(block)
                if max(done, total) > LARGEST:
                    raise ModelError(f"{download.url} sends more than {LARGEST >> 20} MB, which is not the known file.")
                if time.monotonic() - started > LONGEST:
                    raise TimeoutError(f"it took more than {LONGEST // 3600} hours")
                out.write(block)
                on_step(done, total)
    except (urllib.error.URLError, TimeoutError, ConnectionError, HTTPException) as error:
        message = reason_of(getattr(error, "reason", None) or error)
        files = " and ".join(file for file, _ in download.files)
        raise ModelError(
            f"{download.url} could not be downloaded ({plain(message)}). Check the connection, or download it with a "
            f"browser and put {files} into {target}."
        ) from error


def _announced(length: str | None) -> int:
    return int(length) if length and length.isdecimal() and len(length) < 20 else 0


def _install(archive: Path, file: str, digest: str, target: Path, download: Download) -> Path:
    found = archive
    if download.url.endswith(".zip"):
        found = archive.with_name(file)
        _extract(archive, file, found)
    actual = content_of(found) or ""
    if actual != digest:
        raise ModelError(
            f"{file} from {download.url} has the checksum {actual[:16]}..., not {digest[:16]}...; it was not installed."
            " Fetch it again; where that ends the same way, another file lies at that address."
        )
    final = target / file
    with whole(final) as part:
        shutil.move(found, part)  # not a rename: models may lie on another disk than what was downloaded
    return final


def _extract(archive: Path, file: str, to: Path) -> None:
    """One member by its base name. Paths inside the archive are never followed, and the sizes it states not
    believed."""
    try:
        with zipfile.ZipFile(archive) as pack:
            member = next(entry for entry in pack.namelist() if PurePosixPath(entry).name == file)
            with pack.open(member) as source, to.open("wb") as out:
                while block := source.read(1 << 20):
                    if out.tell() + len(block) > LARGEST:
                        raise zipfile.BadZipFile("it unpacks to more than any known file")
                    out.write(block)
    except (zipfile.BadZipFile, StopIteration, zlib.error, EOFError, ValueError, RuntimeError, LookupError) as error:
        # zipfile has no family of errors: encrypted is a RuntimeError, an unknown method a NotImplementedError
        raise ModelError(f"The download does not hold {file}; it was not installed.") from error
