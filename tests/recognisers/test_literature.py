"""The literature's networks against figures taken once from the public definitions of the same networks."""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from faceveil.core.errors import InputError, ModelError
from faceveil.core.recognisers.irse import IRNet
from faceveil.core.recognisers.literature import PUBLISHED, load_published

# Parameters, entries of the state dict, and the start of the sha256 of its sorted "key shape" lines.
LAYOUTS = {
    "ir152": (70737600, 687, "918e3fbb501f967f"),
    "irse50": (43797696, 397, "471eb9bc30358c01"),
    "mobileface": (1200512, 333, "e50cc46201c5165b"),
    "facenet": (23482624, 714, "c0638fa983a7cf51"),
}
# The start of the unit embedding of `crops(name, 1)` under the weights of `randomise`, by those public definitions.
FINGERPRINTS = {
    "ir152": (0.0472163, 0.0184684, -0.0090538, 0.0513516),
    "irse50": (-0.0306053, 0.0678665, 0.0859285, -0.0375336),
    "mobileface": (-0.0158405, 0.0176779, -0.0677059, 0.0188790),
    "facenet": (-0.0110316, 0.0403528, -0.0575326, -0.0313271),
}
LARGE = [pytest.param(name, marks=pytest.mark.slow) for name in ("irse50", "ir152")]
ALL = ["mobileface", "facenet", *LARGE]


def randomise(network: nn.Module, seed: int = 0) -> nn.Module:
    """Weights under which every layer matters to the result; torch's own would fade to nothing on the way.

    Uniform doubles, rounded once, because those come out the same on every machine.
    """
    generator = torch.Generator().manual_seed(seed)
    for key, value in network.state_dict().items():
        if not value.is_floating_point():
            value.zero_()
            continue
        noise = torch.rand(value.shape, generator=generator, dtype=torch.float64) - 0.5
        if key.endswith("running_var"):
            value.copy_(1 + noise)
        elif value.ndim == 1:
            value.copy_(noise * 0.35 + (1.0 if key.endswith("weight") else 0.0))
        else:
            gain = 2 if "res_layer" in key else 18  # many residual blocks that each amplify would end in chaos
            value.copy_(noise * (gain / value[0].numel()) ** 0.5)
    return network.eval()


def build(name: str) -> nn.Module:
    """A network with weights, and without the time its own initialisation would take."""
    with torch.device("meta"):
        network = PUBLISHED[name].build()
    return randomise(network.to_empty(device="cpu"))


def crops(name: str, count: int, seed: int = 1) -> Tensor:
    size = PUBLISHED[name].card.input_size
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def mobile() -> nn.Module:
    return build("mobileface")


def save(network: nn.Module, path: Path) -> None:
    if path.suffix == ".pth":
        torch.save(network.state_dict(), path)
    else:
        save_file(network.state_dict(), path)


def saved(state: object, path: Path) -> Path:
    torch.save(state, path)
    return path


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout_is_the_published_one(name: str) -> None:
    with torch.device("meta"):
        network = PUBLISHED[name].build()
    lines = sorted(f"{key} {tuple(value.shape)}" for key, value in network.state_dict().items())
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    assert (sum(p.numel() for p in network.parameters()), len(lines), digest[:16]) == LAYOUTS[name]


@pytest.mark.parametrize("name", ALL)
def test_forward_is_the_published_one(name: str) -> None:
    """Strides, scales and epsilons leave no trace in the layout; they do here."""
    network, picture = build(name).double(), crops(name, 1).double() * 2 - 1
    with torch.no_grad():
        embedding = nn.functional.normalize(network(picture))
    expected = torch.tensor(FINGERPRINTS[name], dtype=torch.float64)
    torch.testing.assert_close(embedding[0, :4], expected, atol=2e-6, rtol=0)


def test_cards_say_what_the_papers_do() -> None:
    assert list(PUBLISHED) == ["ir152", "irse50", "mobileface", "facenet"]
    for name, published in PUBLISHED.items():
        card = published.card
        assert card.name == name and card.dim == 512 and card.channels == "RGB"
        assert list(card.thresholds) == ["1e-1", "1e-2", "1e-3"]
        assert list(card.thresholds.values()) == sorted(card.thresholds.values())
        assert "literature" in card.thresholds_from and card.source and card.licence
        white = (card.input_range[1] - card.mean[0]) * card.scale_after_mean
        black = (card.input_range[0] - card.mean[0]) * card.scale_after_mean
        assert (black, white) == (-1.0, 1.0)
    assert PUBLISHED["ir152"].card.family == PUBLISHED["irse50"].card.family == "arcface-ir"
    assert PUBLISHED["facenet"].card.input_size == 160
    assert PUBLISHED["mobileface"].card.threshold("1e-2") == 0.301611


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("mobileface", ".pth"),
        ("mobileface", ".safetensors"),
        ("facenet", ".safetensors"),
        pytest.param("irse50", ".pth", marks=pytest.mark.slow),
        pytest.param("ir152", ".pth", marks=pytest.mark.slow),
    ],
)
def test_round_trip(name: str, suffix: str, tmp_path: Path) -> None:
    network, path = build(name), tmp_path / f"weights{suffix}"
    save(network, path)
    recogniser, picture = load_published(name, path), crops(name, 1)
    assert recogniser.card is PUBLISHED[name].card
    with torch.no_grad():
        expected = network(picture * 2 - 1)
        # Recognisers run channels-last, which rounds differently.
        difference = (recogniser.network(picture * 2 - 1) - expected).abs().max()
        assert difference < 1e-4 * expected.abs().max()
        embedding = recogniser.embed(picture)
    assert embedding.shape == (1, 512)
    # Random weights blow up the last bit by which two ways of scaling to [-1, 1] differ.
    assert nn.functional.cosine_similarity(embedding, expected) > 0.9999
    with pytest.raises(InputError, match="takes crops"):
        recogniser.embed(picture[..., 1:])


@pytest.mark.parametrize("name", ALL)
def test_batch_equals_singles(name: str) -> None:
    network, pair = build(name), crops(name, 2) * 2 - 1
    with torch.no_grad():
        together = network(pair)
        alone = torch.cat([network(pair[:1]), network(pair[1:])])
    scale = together.abs().max()
    assert (together - alone).abs().max() < 1e-4 * scale
    assert (together[0] - together[1]).abs().max() > 1e-3 * scale, "the picture must matter"


def test_wrapped_prefixed_half_and_old_files(mobile: nn.Module, tmp_path: Path) -> None:
    picture = crops("mobileface", 1)
    plain = load_published("mobileface", saved(mobile.state_dict(), tmp_path / "mobile_face.pth")).embed(picture)
    prefixed = {f"module.{key}": value for key, value in mobile.state_dict().items()}
    wrapped = saved({"epoch": 3, "state_dict": prefixed}, tmp_path / "wrapped.pt")
    assert torch.equal(load_published("mobileface", wrapped).embed(picture), plain)
    old = {key: value for key, value in mobile.state_dict().items() if not key.endswith("num_batches_tracked")}
    from_old = load_published("mobileface", saved(old, tmp_path / "old.pth"))
    assert torch.equal(from_old.embed(picture), plain)
    assert not any(value.is_meta for value in from_old.network.state_dict().values())
    half = {key: value.half() if value.is_floating_point() else value for key, value in old.items()}
    from_half = load_published("mobileface", saved(half, tmp_path / "half.pth")).embed(picture)
    assert from_half.dtype == torch.float32 and (from_half * plain).sum() > 0.999


def test_facenet_drops_the_classifier_and_others_do_not(mobile: nn.Module, tmp_path: Path) -> None:
    logits = {"logits.weight": torch.zeros(8631, 512), "logits.bias": torch.zeros(8631)}
    path = saved({**build("facenet").state_dict(), **logits}, tmp_path / "facenet.pth")
    assert load_published("facenet", path).embed(crops("facenet", 1)).shape == (1, 512)
    with pytest.raises(ModelError, match=r"2 unexpected \(first: logits\.weight\)"):
        load_published("mobileface", saved({**mobile.state_dict(), **logits}, tmp_path / "m.pth"))


def test_another_networks_weights_are_told_apart(mobile: nn.Module, tmp_path: Path) -> None:
    path = saved(mobile.state_dict(), tmp_path / "mobile_face.pth")
    with pytest.raises(ModelError) as caught:
        load_published("facenet", path)
    message = str(caught.value)
    assert "mobile_face.pth does not hold the weights of 'facenet'" in message
    assert "missing (first: conv2d_1a.conv.weight)" in message
    assert "unexpected (first: conv1.conv.weight)" in message
    assert len(message) < 300

    state = dict(mobile.state_dict())
    del state["conv_5.model.1.project.bn.bias"]
    state["linear.weight"] = torch.zeros(128, 512)
    with pytest.raises(ModelError) as caught:
        load_published("mobileface", saved(state, tmp_path / "changed.pth"))
    assert "1 missing (first: conv_5.model.1.project.bn.bias)" in str(caught.value)
    assert "1 of another shape (first: linear.weight)" in str(caught.value)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_damaged_files(suffix: str, mobile: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / f"mobile_face{suffix}"
    save(mobile, path)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"<html>Not found</html>"):
        path.write_bytes(content)
        with pytest.raises(ModelError, match="is damaged"):
            load_published("mobileface", path)
    path.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        load_published("mobileface", path)


class Trap:
    """Unpickling this makes a folder; nothing we load may."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_that_runs_code_is_refused(legacy: bool, tmp_path: Path) -> None:
    mark, path = tmp_path / "ran", tmp_path / "irse50.pth"
    content = {"state_dict": {}, "extra": Trap(mark)}
    if legacy:
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path)
    with pytest.raises(ModelError, match="program code") as caught:
        load_published("irse50", path)
    assert not mark.exists()
    assert len(str(caught.value)) < 200
    if legacy:
        pickle.loads(path.read_bytes())
    else:
        torch.load(path, weights_only=False)
    assert mark.exists(), "the trap must be one that springs"


def test_files_without_weights_and_unknown_names(tmp_path: Path) -> None:
    for content in ([torch.zeros(3)], {"epoch": 3}, torch.zeros(3), {"state_dict": {}}):
        with pytest.raises(ModelError, match="holds no named weights"):
            load_published("facenet", saved(content, tmp_path / "other.pth"))
    with pytest.raises(ModelError, match="Choose one of: ir152, irse50"):
        load_published("arcface", tmp_path / "other.pth")


SMALL = {
    "ir": lambda: randomise(IRNet((1, 1, 1, 1), squeeze=False)),
    "irse": lambda: randomise(IRNet((1, 1, 1, 1), squeeze=True)),
    "mobileface": lambda: build("mobileface"),
    "facenet": lambda: build("facenet"),
}


@pytest.mark.parametrize("name", SMALL)
def test_gradient_matches_finite_differences(name: str) -> None:
    network = SMALL[name]().double().requires_grad_(False)
    picture = crops("facenet" if name == "facenet" else "mobileface", 1).double() * 2 - 1
    generator = torch.Generator().manual_seed(2)
    direction = torch.randn(picture.shape, generator=generator, dtype=torch.float64)
    probe = torch.randn(1, 512, generator=generator, dtype=torch.float64)

    def score(x: Tensor) -> Tensor:
        return (network(x) * probe).sum()

    picture.requires_grad_()
    (gradient,) = torch.autograd.grad(score(picture), picture)
    assert gradient.abs().max() > 0
    with torch.no_grad():
        step = 1e-7  # any larger and some of the ReLUs change sides
        measured = (score(picture + step * direction) - score(picture - step * direction)) / (2 * step)
    # Along a random direction much cancels: judge the error by the gradient's length, not by what is left.
    assert abs((gradient * direction).sum() - measured) < 1e-4 * gradient.norm()
    assert abs(measured) > 1e-2 * gradient.norm()


@pytest.mark.parametrize("name", LARGE)
def test_full_size_gradient_survives_the_depth(name: str) -> None:
    network = build(name).requires_grad_(False)
    picture = (crops(name, 1) * 2 - 1).requires_grad_()
    (gradient,) = torch.autograd.grad(nn.functional.normalize(network(picture))[0, :8].sum(), picture)
    assert gradient.isfinite().all() and (gradient != 0).float().mean() > 0.99
