"""`faceveil doctor`: what is installed, who can be protected against, where it computes, and what would make it better.

Nothing is downloaded, changed or sent.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterator
from importlib import util

from .parser import Verbs
from .telling import tell

EXTRAS = {
    "av": ("film", "films (faceveil protect clip.mp4)"),
    "diffusers": ("diffusers", "generators of your own (--model)"),
    "insightface": ("scrfd", "the detector SCRFD, for faces that are turned away (--detector scrfd)"),
    "ray": ("ray", "many machines (--ray)"),
    "fsspec": ("remote", "photos and results at s3:// and the like"),
}
"""Packages that are not needed: what each is for, and the extra that brings it."""
MEASURES = {"vgg": "lpips-vgg", "alex": "lpips-alex"}
"""Networks that visibility is measured with, and the names they are fetched by."""


def add(verbs: Verbs) -> None:
    parser = verbs.add_parser("doctor", help="what is installed, and what would make it better", description=__doc__)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    advice: list[str] = []
    for title, lines in (
        ("this machine", machine(advice)),
        ("face recognisers", recognisers(advice)),
        ("measures and extras", extras(advice)),
        ("ComfyUI", comfyui(advice)),
    ):
        tell(title, *(f"  {line}" for line in lines), "")
    tell("what would make it better" if advice else "Nothing is missing.", *(f"  {line}" for line in advice))
    return 0


def machine(advice: list[str]) -> Iterator[str]:
    """Versions, device and memory."""
    import torch

    from ..devices import free_memory, usable
    from ..version import version
    from .many import MEMORY, fitting_jobs

    yield f"FaceVeil {version()}, Python {platform.python_version()}, torch {torch.__version__}, {platform.system()}"
    device, cores = usable("auto"), fitting_jobs()
    if device == "cpu":
        yield f"computes on the processor, with {torch.get_num_threads()} threads; no graphics card that torch can use"
        advice.append("Faster: a torch for your graphics card, if this machine has one (pytorch.org says which).")
        if (threads := torch.get_num_threads()) < cores:
            advice.append(
                f"Faster: only {threads} of {cores} cores work; OMP_NUM_THREADS may be set to less than that."
            )
    else:
        yield f"computes on {torch.cuda.get_device_name(0)}"
    memory = free_memory()
    if memory is not None:
        yield f"{memory / 1e9:.1f} GB of memory free"
        if memory < MEMORY:
            advice.append("Surer: close programs; a large photo may take more memory than is free.")
    if cores > 1:
        advice.append(
            f"Faster with many photos: faceveil protect FOLDER -o OUT --jobs auto ({cores} side by side here)."
        )


def recognisers(advice: list[str]) -> Iterator[str]:
    """Who is protected against, who could be, and why the others are not."""
    from ..recognisers.automatic import automatic, left_out
    from ..recognisers.catalogue import entries

    known = {entry.name: entry for entry in entries()}
    chosen = automatic()
    yield f"protected against unless you say otherwise: {', '.join(chosen)}"
    for name, why in left_out().items():
        yield f"here without part unless named: {name} ({why})"
    here = {known[name].family for name in chosen}
    for entry in known.values():
        free = entry.known is not None and entry.known.commercial
        if entry.state == "not here" and free and entry.family not in here and "faceveil fetch" in entry.how:
            advice.append(f"Stronger: one more family of recognisers to protect against. {entry.how}")


def extras(advice: list[str]) -> Iterator[str]:
    """What is optional, each with its use."""
    from ..perception.backbones import candidates

    for network, name in MEASURES.items():
        here = bool(candidates(network))
        yield f"{name}: {'here' if here else 'not here'}"
        if not here and network == "vgg":
            advice.append(f"Surer: figures of visibility beside SSIM. Get them with: faceveil fetch {name}")
    for package, (extra, use) in EXTRAS.items():
        state = "here" if util.find_spec(package) else f"not here (pip install faceveil[{extra}])"
        yield f"{package}: {state}, for {use}"


def comfyui(advice: list[str]) -> Iterator[str]:
    """Each ComfyUI at one of the usual places, and whether it has these nodes."""
    from .comfyui import found

    places = found()
    for place in places:
        nodes = f"with these nodes in {place.pack.name}" if place.pack else "without these nodes"
        yield f"{place.version} at {place.folder}, {nodes}"
    if not places:
        yield "none at the usual places (COMFYUI_PATH may name one)"
    elif not any(place.pack for place in places):
        advice.append(f"In ComfyUI: put this pack into {places[0].folder / 'custom_nodes'}, and start ComfyUI again.")
