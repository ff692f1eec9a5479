"""Against diffusers' own pipelines and schedulers, on tiny models of the real classes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from flux_names import diffusers_sizes, diffusers_state

from faceveil.core.engines.denoiser import Conditioning, velocity
from faceveil.core.engines.flux import Flux, FluxShape, pack, unpack
from faceveil.core.errors import InputError, ModelError
from faceveil.core.trajectory.paths import generate, invert

diffusers = pytest.importorskip("diffusers")
tiny = pytest.importorskip("tiny_pipelines")

from faceveil.core.engines.diffusers import DiffusersAutoencoder, adapt  # noqa: E402

PROMPT, SIZE = "a person wearing red", (8, 12)
FAMILIES = {
    "sd": tiny.sd,
    "sd-v": lambda: tiny.sd(prediction_type="v_prediction"),
    "sdxl": tiny.sdxl,
    "sd3": tiny.sd3,
    "flux-dev": tiny.flux,
    "flux-schnell": lambda: tiny.flux(guided=False, shifted=False),
}


@pytest.fixture(params=FAMILIES)
def pipeline(request):
    made = FAMILIES[request.param]()
    made.set_progress_bar_config(disable=True)
    return made


def noise(denoiser, seed: int = 5, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, denoiser.channels, *SIZE, generator=generator, dtype=dtype)


def start(denoiser, sigma: float, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return noise(denoiser, dtype=dtype) * (1 if denoiser.flow else (sigma**2 + 1) ** 0.5)


def test_generation_equals_the_pipelines_own(pipeline):
    """Prompts, guidance, time ids, packing, schedule: all of it at once."""
    denoiser, _ = adapt(pipeline)
    is_flux = type(pipeline) is diffusers.FluxPipeline
    drawn, scale = noise(denoiser), pipeline.vae_scale_factor
    theirs = pipeline(
        PROMPT,
        num_inference_steps=6,
        guidance_scale=denoiser.default_guidance,
        latents=pack(drawn) if is_flux else drawn,
        height=SIZE[0] * scale,
        width=SIZE[1] * scale,
        output_type="latent",
    )[0]
    sigmas = denoiser.sigmas(6, SIZE)
    ours = generate(denoiser, start(denoiser, sigmas[0]), sigmas, denoiser.describe([PROMPT]), "euler")
    assert len(sigmas) == 7 and sigmas[-1] == 0
    expected = unpack(theirs, SIZE[0] // 2, SIZE[1] // 2) if is_flux else theirs
    assert torch.allclose(ours, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
def test_an_euler_step_is_ddim(prediction):
    pipeline = tiny.sd(prediction_type=prediction)
    denoiser, _ = adapt(pipeline)
    conditioning = denoiser.describe(["a person"], guidance=1)
    assert conditioning.negative is None
    scheduler, x = pipeline.scheduler, noise(denoiser)
    scheduler.set_timesteps(10)
    with torch.no_grad():
        for time in scheduler.timesteps:
            answer = pipeline.unet(x, time, encoder_hidden_states=conditioning.context, return_dict=False)[0]
            x = scheduler.step(answer, time, x, eta=0.0, return_dict=False)[0]
    sigmas = denoiser.sigmas(10, SIZE)
    assert [denoiser.levels.timestep(sigma) for sigma in sigmas[:-1]] == pytest.approx(scheduler.timesteps.tolist())
    ours = generate(denoiser, start(denoiser, sigmas[0]), sigmas, conditioning, "euler")
    assert torch.allclose(ours, x, rtol=1e-4, atol=1e-4)


def test_gradients_agree_with_finite_differences(pipeline):
    pipeline.to(torch.float64)
    denoiser, _ = adapt(pipeline)
    conditioning = denoiser.describe([PROMPT])
    sigma = 0.6
    inputs = {"x": start(denoiser, sigma, torch.float64), "context": conditioning.context}
    if conditioning.pooled is not None:
        inputs["pooled"] = conditioning.pooled
    if conditioning.negative is not None:
        inputs["away"] = conditioning.negative.context

    weights = noise(denoiser, 10, torch.float64)

    def weighted(given: dict[str, torch.Tensor]) -> torch.Tensor:
        negative = conditioning.negative and replace(conditioning.negative, context=given["away"])
        moved = replace(conditioning, context=given["context"], pooled=given.get("pooled"), negative=negative)
        return (denoiser.denoise(given["x"], sigma, moved) * weights).sum()

    leaves = {name: value.detach().clone().requires_grad_() for name, value in inputs.items()}
    gradients = dict(zip(leaves, torch.autograd.grad(weighted(leaves), list(leaves.values())), strict=True))
    generator = torch.Generator().manual_seed(6)
    for name, value in inputs.items():
        direction = torch.randn(value.shape, generator=generator, dtype=torch.float64)
        with torch.no_grad():
            # Flux turns queries and keys in single precision whatever it is cast to: no smaller step can be seen.
            ends = [weighted({**inputs, name: value + sign * 1e-3 * direction}) for sign in (1, -1)]
        expected = (gradients[name] * direction).sum()
        assert torch.isclose((ends[0] - ends[1]) / 2e-3, expected, rtol=1e-3, atol=1e-5), name


def test_the_pipeline_is_frozen_and_a_learned_negative_gets_the_gradient():
    denoiser, autoencoder = adapt(tiny.sd())
    conditioning = denoiser.describe([PROMPT], guidance=3)
    learned = conditioning.negative.context.clone().requires_grad_()
    x0 = denoiser.denoise(noise(denoiser), 1.0, replace(conditioning, negative=Conditioning(learned)))
    autoencoder.decode(x0).sum().backward()
    assert learned.grad.abs().max() > 0
    assert not any(parameter.requires_grad for parameter in denoiser.pipeline.unet.parameters())


def test_guidance_leads_away_from_the_negative():
    denoiser, _ = adapt(tiny.sd())
    x, conditioning = noise(denoiser), denoiser.describe([PROMPT], guidance=3, negative="blue hair")
    alone = [denoiser.denoise(x, 1.0, replace(s, guidance=1)) for s in (conditioning.negative, conditioning)]
    assert torch.allclose(denoiser.denoise(x, 1.0, conditioning), alone[0] + 3 * (alone[1] - alone[0]), atol=1e-4)
    assert not torch.equal(conditioning.negative.context, denoiser.describe([PROMPT]).negative.context)


def test_pictures_of_one_batch_share_a_prompt(pipeline):
    denoiser, _ = adapt(pipeline)
    conditioning, x = denoiser.describe([PROMPT]), torch.cat([noise(denoiser), noise(denoiser, 7)])
    both = denoiser.denoise(x, 0.5, conditioning)
    assert torch.allclose(both[1:], denoiser.denoise(x[1:], 0.5, conditioning), atol=1e-4)


def test_inversion_is_undone():
    denoiser, _ = adapt(tiny.flux())
    conditioning, clean = denoiser.describe([PROMPT], 1.0), 0.1 * noise(denoiser)
    sigmas = denoiser.sigmas(20, SIZE)
    path = invert(denoiser, clean, sigmas, conditioning)
    back = generate(denoiser, path.start, sigmas, conditioning)
    assert float((back - clean).abs().max()) < 0.02


def test_flux_equals_our_own():
    shape = FluxShape(depth=1, depth_single_blocks=1)
    ours = Flux(shape).eval()
    generator = torch.Generator().manual_seed(8)
    for parameter in ours.parameters():
        # The last layer starts at zero, which would compare nothing.
        parameter.data = 0.1 * torch.randn(parameter.shape, generator=generator)
    transformer = diffusers.FluxTransformer2DModel(**diffusers_sizes(shape))
    transformer.load_state_dict(diffusers_state(ours.state_dict()))
    denoiser, _ = adapt(tiny.flux(transformer=transformer))
    x = noise(denoiser)
    context, pooled = (torch.randn(shape, generator=generator) for shape in ((1, 5, 64), (1, 64)))
    conditioning = Conditioning(context, pooled, 4.0)
    with torch.no_grad():
        expected = ours(x, torch.tensor([0.7]), conditioning.context, conditioning.pooled, torch.tensor([4.0]))
        assert torch.allclose(velocity(denoiser, x, 0.7, conditioning), expected, rtol=1e-4, atol=1e-4)


def test_layers_that_were_patched_in_keep_working():
    """A LoRA is a layer around a layer: it must be asked, and gradients must pass through it."""

    class Adapter(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner, self.down = inner, torch.nn.Linear(inner.in_features, 2)
            self.up = torch.nn.Linear(2, inner.out_features)

        def forward(self, x):
            return self.inner(x) + self.up(self.down(x))

    denoiser, _ = adapt(tiny.sd())
    x, conditioning = noise(denoiser).requires_grad_(), denoiser.describe([PROMPT])
    plain = denoiser.denoise(x, 1.0, conditioning)
    attention = denoiser.model.mid_block.attentions[0].transformer_blocks[0].attn2
    attention.to_q = Adapter(attention.to_q)
    patched = denoiser.denoise(x, 1.0, conditioning)
    assert not torch.allclose(plain, patched)
    assert torch.autograd.grad(patched.sum(), x)[0].abs().max() > 0


def test_offloaded_weights_come_back_for_the_question_and_its_gradient():
    accelerate = pytest.importorskip("accelerate")
    denoiser, _ = adapt(tiny.sd())
    conditioning, x = denoiser.describe([PROMPT]), noise(denoiser).requires_grad_()
    expected = denoiser.denoise(x, 1.0, conditioning)
    wanted = torch.autograd.grad(expected.sum(), x)[0]
    accelerate.cpu_offload(denoiser.model, torch.device("cpu"), offload_buffers=True)
    assert next(denoiser.model.parameters()).device.type == "meta"
    found = denoiser.denoise(x, 1.0, conditioning)
    assert torch.allclose(found, expected, atol=1e-5)
    assert torch.allclose(torch.autograd.grad(found.sum(), x)[0], wanted, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_keeps_the_latent_precise(dtype):
    exact, _ = adapt(tiny.sdxl())
    x, conditioning = noise(exact), exact.describe([PROMPT], 2.0)
    denoiser, autoencoder = adapt(tiny.sdxl().to(dtype))
    found = denoiser.denoise(x, 0.5, denoiser.describe([PROMPT], 2.0))
    assert found.dtype == torch.float32 and torch.allclose(found, exact.denoise(x, 0.5, conditioning), atol=0.1)
    # This autoencoder says that it overflows in fp16.
    assert autoencoder.vae.dtype == (torch.float32 if dtype == torch.float16 else dtype)
    assert autoencoder.decode(x).dtype == torch.float32


def test_the_autoencoder_is_the_pipelines_own(pipeline):
    denoiser, autoencoder = adapt(pipeline)
    assert autoencoder.multiple == pipeline.vae_scale_factor * denoiser.side
    vae, known = pipeline.vae, pipeline.vae.config
    image = torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        raw = vae.encode(pipeline.image_processor.preprocess(image)).latent_dist.mode()
        shift = known.shift_factor or 0.0
        latent = autoencoder.encode(image)
        assert torch.allclose(latent, (raw - shift) * known.scaling_factor, atol=1e-6)
        theirs = vae.decode(latent / known.scaling_factor + shift, return_dict=False)[0]
        decoded = autoencoder.decode(latent)
        assert torch.allclose(decoded.clamp(0, 1), pipeline.image_processor.postprocess(theirs, "pt"), atol=1e-6)


def test_an_autoencoder_may_name_the_mean_of_its_latents():
    pipeline = tiny.sdxl()
    pipeline.vae.register_to_config(latents_mean=[0.1, 0.2, -0.3, 0.4], latents_std=[2.0, 3.0, 4.0, 5.0])
    autoencoder = DiffusersAutoencoder(pipeline, "any")
    image = torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        latent = autoencoder.encode(image)
        mean, spread = (torch.tensor(v).view(1, 4, 1, 1) for v in ([0.1, 0.2, -0.3, 0.4], [2.0, 3.0, 4.0, 5.0]))
        raw = latent * spread / 0.13 + mean
        assert torch.allclose(raw, pipeline.vae.encode(image * 2 - 1).latent_dist.mode(), atol=1e-5)
        expected = pipeline.vae.decode(raw, return_dict=False)[0] / 2 + 0.5
        assert torch.allclose(autoencoder.decode(latent), expected, atol=1e-5)


def test_a_tiny_autoencoder_can_stand_in():
    pipeline = tiny.sd()
    pipeline.vae = diffusers.AutoencoderTiny(
        encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8),
        num_encoder_blocks=(1, 1), num_decoder_blocks=(1, 1),
    )  # fmt: skip
    _, autoencoder = adapt(pipeline)
    latent = autoencoder.encode(torch.rand(1, 3, 8, 12))
    assert autoencoder.decode(latent).shape == (1, 3, 4 * autoencoder.multiple, 6 * autoencoder.multiple)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("PNDMScheduler", {"skip_prk_steps": True}),
        ("EulerDiscreteScheduler", {"timestep_spacing": "trailing"}),
        ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
        ("HeunDiscreteScheduler", {}),
        ("KDPM2DiscreteScheduler", {}),
    ],
)
def test_any_scheduler_gives_as_many_levels_as_asked(kind, settings):
    pipeline = tiny.sd()
    pipeline.scheduler = getattr(diffusers, kind).from_config(pipeline.scheduler.config, **settings)
    denoiser, _ = adapt(pipeline)
    for steps in (1, 4, 25):
        sigmas = denoiser.sigmas(steps, SIZE)
        assert len(sigmas) == steps + 1 and sigmas[-1] == 0
        assert sigmas == sorted(sigmas, reverse=True) and sigmas[-2] >= denoiser.smallest


def test_levels_follow_eulers_own_scheduler():
    pipeline = tiny.sd()
    pipeline.scheduler = diffusers.EulerDiscreteScheduler.from_config(
        pipeline.scheduler.config, timestep_spacing="trailing"
    )
    pipeline.scheduler.set_timesteps(7)
    assert adapt(pipeline)[0].sigmas(7, SIZE) == pytest.approx(pipeline.scheduler.sigmas.tolist(), rel=1e-5)


def test_no_signal_at_the_end_of_training_is_still_a_finite_level():
    denoiser, _ = adapt(
        tiny.sd(prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing")
    )
    sigmas = denoiser.sigmas(5, SIZE)
    assert 4000 < sigmas[0] < 5000
    end = generate(denoiser, start(denoiser, sigmas[0]), sigmas, denoiser.describe([PROMPT]), "euler")
    assert bool(end.isfinite().all())


def test_large_pictures_stay_longer_at_much_noise():
    dev, schnell = adapt(tiny.flux())[0], adapt(tiny.flux(guided=False, shifted=False))[0]
    assert dev.sigmas(10, (128, 128))[5] > dev.sigmas(10, (64, 64))[5] > 0.5
    assert schnell.sigmas(4, (64, 64)) == pytest.approx([1, 0.75, 0.5, 0.25, 0])


def test_without_a_text_encoder_it_says_so():
    for make, part in ((tiny.sd, "text_encoder"), (tiny.flux, "text_encoder_2"), (tiny.sdxl, "text_encoder_2")):
        pipeline = make()
        setattr(pipeline, part, None)
        with pytest.raises(ModelError, match=rf"no text encoder \('{part}'\)"):
            adapt(pipeline)[0].describe([PROMPT])


def test_unknown_predictions_are_refused_and_can_be_overridden():
    pipeline = tiny.sd()
    pipeline.scheduler.register_to_config(prediction_type="flow")
    with pytest.raises(ModelError, match=r"predicts 'flow'.*epsilon, v_prediction, sample"):
        adapt(pipeline)
    assert adapt(pipeline, prediction="v_prediction")[0].prediction == "v_prediction"
    with pytest.raises(InputError, match="is a flow model"):
        adapt(tiny.flux(), prediction="v_prediction")


def test_models_of_another_use_are_refused():
    with pytest.raises(ModelError, match="9 channels where its autoencoder makes 4"):
        adapt(tiny.sd(channels=9))
    pipeline = tiny.sd()
    pipeline.scheduler = diffusers.FlowMatchEulerDiscreteScheduler()
    with pytest.raises(ModelError, match=r"FlowMatchEulerDiscreteScheduler.*noise levels"):
        adapt(pipeline)
    pipeline.unet = torch.nn.Linear(1, 1)
    with pytest.raises(ModelError, match="no family"):
        adapt(pipeline)
    pipeline = tiny.sd()
    pipeline.unet.register_to_config(time_cond_proj_dim=32)
    with pytest.raises(ModelError, match="latent consistency"):
        adapt(pipeline)


def test_wrong_latents_and_conditionings_are_refused():
    sd, flux = adapt(tiny.sd())[0], adapt(tiny.flux())[0]
    conditioning = sd.describe([PROMPT])
    with pytest.raises(InputError, match="4 channels and this one has 16"):
        sd.denoise(torch.zeros(1, 16, 8, 8), 1.0, conditioning)
    with pytest.raises(InputError, match="4 channels and this one has 16"):
        adapt(tiny.sd())[1].decode(torch.zeros(1, 16, 8, 8))
    with pytest.raises(InputError, match="same kind and length"):
        sd.denoise(noise(sd), 1.0, replace(conditioning, negative=Conditioning(conditioning.context[:, :3])))
    with pytest.raises(InputError, match="multiples of 2, not 7 x 8"):
        flux.denoise(torch.zeros(1, 4, 7, 8), 1.0, flux.describe([PROMPT]))
    with pytest.raises(InputError, match="pooled"):
        flux.denoise(noise(flux), 1.0, Conditioning(torch.zeros(1, 5, 32)))
    with pytest.raises(InputError, match="no negative"):
        conditioning = flux.describe([PROMPT])
        flux.denoise(noise(flux), 1.0, replace(conditioning, negative=conditioning))
    with pytest.raises(InputError, match="no negative"):
        flux.describe([PROMPT], negative="blue")


def test_nothing_heavy_is_imported_before_it_is_used():
    code = (
        "import sys, faceveil.core.engines.diffusers\n"
        "assert not {'diffusers', 'transformers', 'accelerate', 'huggingface_hub'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
