"""The four networks that face-privacy papers attack, by the files those papers hand round.

None of their weights come with us or are downloaded: whoever has the files may use them.
Every card gives the thresholds as published. They belong to those exact weights, so other
weights in the same layout (FaceNet trained on CASIA-WebFace, say) load too but need
`faceveil calibrate`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ModelError
from .card import Card
from .facenet import FaceNet
from .irse import ir152, irse50
from .mobileface import MobileFaceNet
from .recogniser import Recogniser

_MS1M = "research use; terms of the weights not stated (trained on MS-Celeb-1M, which was for non-commercial research)"
_VGGFACE2 = "research use; terms of the weights not stated (trained on VGGFace2, photos of public figures)"
_THRESHOLDS_FROM = (
    "the literature's values, as published with the face-privacy papers; not measured on our alignment, "
    "faceveil calibrate does that"
)
_WRAPPERS = ("state_dict", "model")


@dataclass(frozen=True)
class Published:
    """One network of the literature."""

    card: Card
    files: tuple[str, ...]
    """The names its weights file goes by, the papers' own name first."""
    build: Callable[[], nn.Module]
    ignored: tuple[str, ...] = ()
    """Keys that start so belonged to the training and are dropped."""


def _card(name: str, thresholds: tuple[float, float, float], **rest: Any) -> Card:
    """What the four have in common; `thresholds` at false-accept rates 1e-1, 1e-2, 1e-3."""
    by_rate = dict(zip(("1e-1", "1e-2", "1e-3"), thresholds, strict=True))
    common = Card(name, 112, "arcface", dim=512, licence=_MS1M, commercial=False, thresholds_from=_THRESHOLDS_FROM)
    return replace(common, thresholds=by_rate, **rest)


PUBLISHED: dict[str, Published] = {
    "ir152": Published(
        _card(
            "ir152",
            (0.094632, 0.166788, 0.227922),
            family="arcface-ir",
            architecture="IR-152, 70.7M parameters",
            source="face.evoLVe (Jian Zhao), as handed round with Adv-Makeup and AMT-GAN",
        ),
        ("ir152.pth", "Backbone_IR_152_Epoch_112_Batch_2547328_Time_2019-07-13-02-59_checkpoint.pth"),
        ir152,
    ),
    "irse50": Published(
        _card(
            "irse50",
            (0.144840, 0.241045, 0.312703),
            family="arcface-ir",
            architecture="IR-SE-50, 43.8M parameters",
            source="InsightFace_Pytorch (TreB1eN), as handed round with Adv-Makeup and AMT-GAN",
        ),
        ("irse50.pth", "model_ir_se50.pth"),
        irse50,
    ),
    "mobileface": Published(
        _card(
            "mobileface",
            (0.183635, 0.301611, 0.380878),
            family="mobilefacenet",
            architecture="MobileFaceNet with 512 numbers out, 1.2M parameters",
            source="InsightFace_Pytorch (TreB1eN), as handed round with Adv-Makeup and AMT-GAN",
        ),
        ("mobile_face.pth", "model_mobilefacenet.pth"),
        MobileFaceNet,
    ),
    "facenet": Published(
        _card(
            "facenet",
            (0.256587, 0.409131, 0.591191),
            family="facenet",
            input_size=160,
            template="facenet",
            architecture="Inception-ResNet v1, 23.5M parameters",
            source="facenet (David Sandberg) by way of facenet-pytorch (Tim Esler), trained on VGGFace2",
            licence=_VGGFACE2,
        ),
        ("facenet.pth", "20180402-114759-vggface2.pt"),
        FaceNet,
        ignored=("logits.",),
    ),
}


def load_published(name: str, path: Path) -> Recogniser:
    """The network `name` with the weights in `path` (.pth, .pt or .safetensors); every weight must be there and fit."""
    published = PUBLISHED.get(name)
    if published is None:
        raise ModelError(f"There is no published recogniser '{name}'. Choose one of: {', '.join(PUBLISHED)}.")
    state = {key.removeprefix("module."): value for key, value in _read(path).items()}
    state = {key: _full(value) for key, value in state.items() if not key.startswith(published.ignored)}
    # Built without storage, then given the file's own tensors: neither time nor memory for weights never used.
    with torch.device("meta"):
        network = published.build()
    _check(state, network, f"{path.name} does not hold the weights of '{name}'")
    network.load_state_dict(state, assign=True)
    return Recogniser(published.card, network)


def _full(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value


def _read(path: Path) -> Mapping[str, Tensor]:
    """The tensors of a weights file by name, out of whatever a training script wrapped them in."""
    try:
        if path.suffix.lower() == ".safetensors":
            from safetensors.torch import load_file

            data: Any = load_file(path)
        else:
            data = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelError(f"The weights {path.name} cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # a damaged file makes the readers fail in every way there is
        suspect = "" if path.suffix.lower() == ".safetensors" else ", or it holds program code besides weights"
        raise ModelError(
            f"{path.name} was not opened: it is damaged{suspect}. Get it again from a source you trust."
        ) from error
    for wrapper in _WRAPPERS:
        if isinstance(data, Mapping) and isinstance(data.get(wrapper), Mapping):
            data = data[wrapper]
    entries = data.items() if isinstance(data, Mapping) else ()
    tensors = {key: value for key, value in entries if isinstance(key, str) and isinstance(value, Tensor)}
    if not tensors:
        raise ModelError(f"{path.name} holds no named weights. Choose the file with the network's state dict.")
    return tensors


def _check(state: Mapping[str, Tensor], network: nn.Module, complaint: str) -> None:
    """Say in a sentence what torch would say in a page."""
    counter = ".num_batches_tracked"  # unused outside training, and older files lack it
    wanted = {key: value.shape for key, value in network.state_dict().items() if not key.endswith(counter)}
    given = {key: value.shape for key, value in state.items() if not key.endswith(counter)}
    faults = {
        "missing": [key for key in wanted if key not in given],
        "unexpected": [key for key in given if key not in wanted],
        "of another shape": [key for key in wanted if key in given and given[key] != wanted[key]],
    }
    listed = [f"{len(keys)} {fault} (first: {keys[0]})" for fault, keys in faults.items() if keys]
    if listed:
        raise ModelError(f"{complaint}: of its keys {', '.join(listed)}. Choose the file that belongs to this network.")
