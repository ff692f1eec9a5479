"""Reading pipelines: folders, checkpoints of either kind, names on the hub, and what is refused."""

from __future__ import annotations

import builtins
import socket

import pytest
import torch
from safetensors.torch import save_file

from faceveil.core.errors import InputError, ModelError

diffusers = pytest.importorskip("diffusers")
tiny = pytest.importorskip("tiny_pipelines")

from faceveil.core.engines.diffusers import adapt, load  # noqa: E402
from faceveil.core.engines.flux import Flux, FluxShape  # noqa: E402


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Whoever asks for a connection fails the test: nothing is fetched unless it was allowed."""

    def refuse(*args, **kwargs):
        raise AssertionError("somebody went online")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("pipelines") / "tiny-sd"
    tiny.sd().save_pretrained(path)
    return path


def answer(denoiser) -> torch.Tensor:
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    return denoiser.denoise(x, 1.0, denoiser.describe(["a person"]))


@pytest.mark.parametrize(("dtype", "off"), [("fp32", 1e-6), ("bf16", 0.05)])
def test_a_folder_is_read_in_any_precision(folder, dtype, off):
    denoiser, autoencoder = load(folder, dtype=dtype)
    assert denoiser.name == autoencoder.name == "tiny-sd"
    assert denoiser.model.dtype == {"fp32": torch.float32, "bf16": torch.bfloat16}[dtype]
    exact = answer(adapt(tiny.sd())[0])
    assert (answer(denoiser) - exact).norm() <= off * exact.norm()


def test_a_flux_folder_is_read(tmp_path):
    tiny.flux().save_pretrained(tmp_path / "flux")
    denoiser, autoencoder = load(str(tmp_path / "flux"))
    assert denoiser.own_guidance and autoencoder.channels == denoiser.channels == 4


def unet_checkpoint(unet: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The tiny UNet under the names of Stable Diffusion's own checkpoints."""
    places = {
        "conv_in": "input_blocks.0.0",
        "down_blocks.0.resnets.0": "input_blocks.1.0",
        "down_blocks.0.downsamplers.0.conv": "input_blocks.2.0.op",
        "down_blocks.1.resnets.0": "input_blocks.3.0",
        "down_blocks.1.attentions.0": "input_blocks.3.1",
        "mid_block.resnets.0": "middle_block.0",
        "mid_block.attentions.0": "middle_block.1",
        "mid_block.resnets.1": "middle_block.2",
        "up_blocks.0.resnets.0": "output_blocks.0.0",
        "up_blocks.0.attentions.0": "output_blocks.0.1",
        "up_blocks.0.resnets.1": "output_blocks.1.0",
        "up_blocks.0.attentions.1": "output_blocks.1.1",
        "up_blocks.0.upsamplers.0.conv": "output_blocks.1.2.conv",
        "up_blocks.1.resnets.0": "output_blocks.2.0",
        "up_blocks.1.resnets.1": "output_blocks.3.0",
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }
    inside = {
        "norm1": "in_layers.0",
        "conv1": "in_layers.2",
        "time_emb_proj": "emb_layers.1",
        "norm2": "out_layers.0",
        "conv2": "out_layers.3",
        "conv_shortcut": "skip_connection",
    }
    state = {}
    for name, value in unet.state_dict().items():
        place = next(place for place in places if name.startswith(place + "."))
        rest = name[len(place) + 1 :]
        if ".resnets." in name:
            layer, kind = rest.rsplit(".", 1)
            rest = f"{inside[layer]}.{kind}"
        state[f"model.diffusion_model.{places[place]}.{rest}"] = value.clone()
    return state


def test_a_checkpoint_of_the_unet_alone_is_completed_from_a_folder(folder, tmp_path):
    other = tiny.sd()
    torch.manual_seed(99)
    other.unet = tiny.unet()
    save_file(unet_checkpoint(other.unet), tmp_path / "mine.safetensors")
    denoiser, _ = load(tmp_path / "mine.safetensors", config=folder)
    assert denoiser.name == "mine"
    assert torch.allclose(answer(denoiser), answer(adapt(other)[0]), atol=1e-5)
    assert not torch.allclose(answer(denoiser), answer(load(folder)[0]), atol=1e-2)
    with pytest.raises(ModelError, match=r"mine\.safetensors does not hold the settings.*`config`"):
        load(tmp_path / "mine.safetensors")
    with pytest.raises(ModelError, match=r"mine\.safetensors holds only the unet"):
        load(tmp_path / "mine.safetensors", online=True)


def test_flux_checkpoints_are_recognised(folder, tmp_path, monkeypatch):
    """diffusers converts only Flux of the full size, so the conversion itself is not run."""
    loaded = {}

    def convert(path, **settings):
        loaded.update(settings, path=path)
        return tiny.flux().transformer

    monkeypatch.setattr(diffusers.FluxTransformer2DModel, "from_single_file", convert)
    save_file(Flux(FluxShape(depth=1, depth_single_blocks=1)).state_dict(), tmp_path / "flux1.safetensors")
    tiny.flux(guided=False).save_pretrained(tmp_path / "flux")
    denoiser, _ = load(tmp_path / "flux1.safetensors", config=tmp_path / "flux", dtype="bf16")
    assert loaded["subfolder"] == "transformer" and torch.bfloat16 in loaded.values() and loaded["local_files_only"]
    assert denoiser.own_guidance


@pytest.mark.parametrize(
    ("marks", "kind"),
    [
        (["input_blocks.0.0.weight"], "StableDiffusionPipeline"),
        (["input_blocks.0.0.weight", "label_emb.0.0.weight"], "StableDiffusionXLPipeline"),
        (["joint_blocks.0.x_block.attn.proj.weight"], "StableDiffusion3Pipeline"),
        (["double_blocks.0.img_attn.proj.weight"], "FluxPipeline"),
    ],
)
def test_whole_checkpoints_are_read_as_their_family(folder, tmp_path, monkeypatch, marks, kind):
    loaded = {}

    def read(path, **settings):
        loaded.update(settings, path=path)
        return tiny.sd()

    monkeypatch.setattr(getattr(diffusers, kind), "from_single_file", read)
    names = [f"model.diffusion_model.{mark}" for mark in marks]
    names += ["first_stage_model.x", "text_encoders.clip_l.x"]
    save_file({name: torch.zeros(1) for name in names}, tmp_path / "all.safetensors")
    load(tmp_path / "all.safetensors", config=folder)
    assert loaded["config"] == str(folder) and loaded["local_files_only"]
    # Smaller SD 3 checkpoints come without their largest text encoder.
    assert ("text_encoder_3" in loaded) == (kind == "StableDiffusion3Pipeline")


def test_names_on_the_hub_stay_offline_unless_allowed(tmp_path, monkeypatch):
    with pytest.raises(ModelError, match=r"somebody/else could not be read.*allow going online"):
        load("somebody/else")
    save_file(
        {"input_blocks.0.0.weight": torch.zeros(1), "vae.x": torch.zeros(1), "conditioner.x": torch.zeros(1)},
        tmp_path / "all.safetensors",
    )
    with pytest.raises(ModelError, match="allow going online"):
        load(tmp_path / "all.safetensors", config="somebody/else")
    loaded = {}
    monkeypatch.setattr(diffusers.DiffusionPipeline, "load_config", lambda where, **settings: {"safety_checker": []})
    monkeypatch.setattr(
        diffusers.DiffusionPipeline, "from_pretrained", lambda where, **settings: loaded.update(settings) or tiny.sd()
    )
    load("somebody/else", online=True)
    assert loaded["local_files_only"] is False and loaded["use_safetensors"] and loaded["safety_checker"] is None


def test_what_cannot_be_read_is_named(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"no model_index\.json"):
        load(tmp_path / "empty")
    save_file({"x": torch.zeros(1)}, tmp_path / "lora.safetensors")
    with pytest.raises(ModelError, match=r"lora\.safetensors is no checkpoint"):
        load(tmp_path / "lora.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"bad\.safetensors is damaged"):
        load(tmp_path / "bad.safetensors")
    (tmp_path / "old.ckpt").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"old\.ckpt is no \.safetensors"):
        load(tmp_path / "old.ckpt")
    for gone in (tmp_path / "gone", "gone.safetensors", "some/where/else"):
        with pytest.raises(ModelError, match=f"There is no {gone}"):
            load(gone)
    with pytest.raises(InputError, match="no precision 'fp8'"):
        load(folder, dtype="fp8")


def test_weights_that_could_hold_programs_are_not_read(tmp_path):
    tiny.sd().save_pretrained(tmp_path / "old", safe_serialization=False)
    assert list((tmp_path / "old").rglob("*.bin"))
    with pytest.raises(ModelError, match="could not be read"):
        load(tmp_path / "old")


def test_without_the_packages_it_says_what_to_install(folder, monkeypatch):
    real = builtins.__import__

    def missing(name, *args, **kwargs):
        if name == "diffusers":
            raise ImportError("No module named 'diffusers'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ModelError, match="pip install diffusers transformers"):
        load(folder)
