"""A node for the tests alone: gradients in half precision beside those of the same weights in whole."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import comfy.sample
import comfy.samplers
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from .building import PRECISIONS, model, vae
from .families import HERE

LEVELS = [0.6, 0.4, 0.2, 0.0]


def ours(name: str) -> Any:
    pack = next(name for name in sys.modules if name.endswith("ComfyUI-FaceVeil"))
    return importlib.import_module(f"{pack}.{name}")


@contextmanager
def recording() -> Iterator[list[Tensor]]:
    """The gradients that the one loop is given in its first iteration."""
    loop, found = ours("core.optimise"), []
    known = loop.descent

    def recorded(groups: Any, *settings: Any) -> Any:
        groups = list(groups)
        update = known(groups, *settings)

        def step() -> None:
            if not found:
                found.extend(each.grad.flatten().clone() for each, _ in groups if each.grad is not None)
            update.step()

        return SimpleNamespace(step=step)

    loop.descent = recorded
    try:
        yield found
    finally:
        loop.descent = known


class AsOnACard(TorchDispatchMode):
    """Products in half precision are summed in float32 and rounded once, as graphics cards do; a CPU that knows nothing
    of half precision takes eighty times as long otherwise."""

    OPERATORS = (
        torch.ops.aten.convolution.default,
        torch.ops.aten.convolution_backward.default,
        torch.ops.aten.mm.default,
        torch.ops.aten.addmm.default,
        torch.ops.aten.bmm.default,
    )

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        halves = {each.dtype for each in args if isinstance(each, Tensor)} & {torch.float16, torch.bfloat16}
        if func not in self.OPERATORS or not halves:
            return func(*args, **(kwargs or {}))
        (kind,) = halves
        out = func(*(each.float() if isinstance(each, Tensor) else each for each in args), **(kwargs or {}))
        if isinstance(out, Tensor):
            return out.to(kind)
        return tuple(None if each is None else each.to(kind) for each in out)


class Way:
    """One path that optimises, on one model; the trajectory is that of the exact one."""

    def __init__(self, prompt: Any, other: Any, image: Tensor, exact: tuple[Any, Any]) -> None:
        self.prompt, self.other, self.economy = prompt, other, ours("nodes.adapters.memory").PLAIN
        with torch.inference_mode(False):
            self.photo = image.clone().movedim(-1, 1)
        (self.recogniser,) = (ours("core.photo.api").load_recogniser("dlib"),)
        patcher, made = exact
        latents = ours("nodes.adapters.vae").latent_format_of(patcher)
        self.samples = ours("nodes.adapters.pictures").latents_of({"samples": made.encode(image)})
        self.settings = ours("core.optimise").Settings(1, patience=0)
        paths = []

        def work(denoiser: Any) -> None:
            with torch.inference_mode(False):
                clean = latents.process_in(self.samples)
                paths.append(ours("core.trajectory.paths").invert(denoiser, clean, LEVELS, "source", "reuse"))

        self.inside(patcher, work)
        (self.path,) = paths

    def inside(self, patcher: Any, work: Callable[[Any], None], prompt: Any = None) -> None:
        prompts = {"source": prompt or self.prompt, "target": self.other}
        run = ours("nodes.adapters.sampling").run_inside
        run(patcher, prompts, 1.0, LEVELS, tuple(self.samples.shape), work)

    def learn(self, patcher: Any, made: Any) -> None:
        embeddings = ours("core.trajectory.embeddings")

        def work(denoiser: Any) -> None:
            with denoiser.gradients():
                how = embeddings.Learning(iterations=1)
                embeddings.learn_embeddings(denoiser, self.path, denoiser.text(), 1, how)

        self.inside(patcher, work, self.other)

    def attention(self, patcher: Any, made: Any, form: str = "light") -> None:
        core, engines = ours("core.optimise"), ours("core.trajectory.embeddings")
        x = self.path.latents.at(LEVELS[2])

        def work(denoiser: Any) -> None:
            guide, conditioning = ours("core.attention.guide").AttentionGuide(form), denoiser.text()
            with denoiser.gradients():
                with torch.no_grad(), guide.remembering(0):
                    engines.step_down(denoiser, x, *LEVELS[2:], conditioning)
                offset = (0.2 * torch.randn(x.shape, generator=torch.Generator().manual_seed(3))).requires_grad_()

                def objective(picture: Tensor, rows: Tensor, progress: float) -> Any:
                    with guide.comparing(0, rows) as change:
                        engines.step_down(denoiser, x + offset, *LEVELS[2:], conditioning)
                    return core.Terms({"attention": change.total}, change.total, torch.zeros(1, dtype=torch.bool))

                variable = SimpleNamespace(groups=lambda: iter([(offset, 0.1)]))
                core.optimise(variable, lambda rows: offset, objective, self.settings)

        self.inside(patcher, work)

    def maps(self, patcher: Any, made: Any) -> None:
        self.attention(patcher, made, "full")

    @property
    def recipe(self) -> Any:
        # What a random VAE shows is matched by nobody: only a similarity pulls there. And nothing by chance, of which
        # more is drawn where an iteration has to be looked at again.
        aim = ours("core.search.identity").Aim(form="cosine")
        recipe = ours("core.methods.guard").GuardRecipe
        return recipe(aim=aim, settings=self.settings, viewing=ours("core.search.viewing").PLAIN, visibility={})

    @property
    def search(self) -> Callable[[Any], Any]:
        economy, search = self.economy, ours("nodes.adapters.latents").Search
        return lambda made: search(
            made, [self.recogniser], self.recipe, [self.photo], 0, lambda index, step: None, economy
        )

    def latent(self, patcher: Any, made: Any) -> None:
        self.search(made).directly(self.samples)

    def through(self, patcher: Any, made: Any) -> None:
        short = ours("core.trajectory.embeddings")
        found = []

        def work(denoiser: Any) -> None:
            with denoiser.gradients():
                found.append(
                    short.learn_embeddings(denoiser, self.path, denoiser.text(), 2, short.Learning(iterations=0))
                )

        self.inside(patcher, work)
        walked = ours("nodes.parts.walked").Walked(self.path, self.prompt, found[0])
        with torch.inference_mode():
            self.search(made).through(self.samples, patcher, walked)

    def guard(self, patcher: Any, made: Any) -> None:
        guarded = ours("nodes.adapters.guarded")
        inner = comfy.samplers.sampler_object("euler")
        run = guarded.GuardedRun(inner, made, [self.recogniser], self.recipe, [self.photo], lambda step: None)
        levels = torch.tensor([0.05, 0.02, 0.0])
        samples = self.samples.unsqueeze(2) if timed(patcher) else self.samples
        noise = torch.randn(samples.shape, generator=torch.Generator().manual_seed(2))
        with torch.inference_mode():
            comfy.sample.sample_custom(
                patcher,
                noise,
                1.0,
                guarded.guarded_sampler(run),
                levels,
                self.prompt,
                self.prompt,
                samples,
                disable_pbar=True,
                seed=1,
            )

    def editor(self, patcher: Any, made: Any) -> None:
        wish = ours("core.methods.wish").Edit("target", "source", steps=len(LEVELS) - 1)
        adapters, faces = ours("nodes.adapters.vae"), ours("core.faces.find").find_faces(self.photo)
        area = torch.ones_like(self.photo[:, :1])
        loop = ours("core.methods.guarding").InLoop(faces, [self.recogniser], self.recipe)

        def work(denoiser: Any) -> None:
            autoencoder = adapters.ModelVae(made, adapters.latent_format_of(patcher), denoiser.patchers)
            with torch.inference_mode(False):
                ours("core.methods.edit").edit_image(
                    self.photo, area, wish, denoiser, autoencoder, self.photo.shape[-1], loop, known=None
                )

        with torch.inference_mode():
            self.inside(patcher, work)


WAYS = ("learn", "attention", "maps", "latent", "through", "guard", "editor")


def timed(patcher: Any) -> bool:
    return ours("nodes.adapters.pictures").has_time(patcher.get_model_object("latent_format"))


class TinyPrecision:
    """Of each path that optimises: the cosine of the two gradients, and how much of the one vanishes in the other."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "tests", "measure", (), True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        given = {"family": (list(HERE),), "storage": (list(PRECISIONS),), "image": ("IMAGE",)}
        return {"required": {**given, "prompt": ("CONDITIONING",), "other": ("CONDITIONING",)}}

    def measure(self, family: str, storage: str, image: Any, prompt: Any, other: Any) -> dict[str, Any]:
        kind = PRECISIONS[storage]
        exact = model(family, "fp32", kind), vae(family, "fp32", kind, quiet=True)
        half = model(family, storage), vae(family, storage, quiet=True)
        way, lines = Way(prompt, other, image, exact), []
        for name in WAYS:
            slopes = []
            for each in (exact, half):
                with recording() as found, AsOnACard():
                    getattr(way, name)(*each)
                slopes.append(torch.cat(found).float())
            cosine = torch.cosine_similarity(*slopes, 0, eps=1e-30)
            gone = slopes[0].abs()[slopes[1] == 0].sum() / slopes[0].abs().sum()
            lines.append(f"{name} {float(cosine):.5f} {float(gone):.5f}")
        return {"ui": {"text": lines}}


class TinyLadder:
    """Through a model's steps, with attention listened to: the cosine of the gradient of each way of saving memory and
    the plain one's."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "tests", "measure", (), True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        given = {"family": (list(HERE),), "model": ("MODEL",), "image": ("IMAGE",)}
        return {"required": {**given, "prompt": ("CONDITIONING",), "other": ("CONDITIONING",)}}

    def measure(self, family: str, model: Any, image: Any, prompt: Any, other: Any) -> dict[str, Any]:
        made = model, vae(family, "fp32", quiet=True)
        way, slopes = Way(prompt, other, image, made), []
        for way.economy in ours("nodes.adapters.memory").LADDER:
            with recording() as found:
                way.through(*made)
            slopes.append(torch.cat(found).float())
        lines = [float(torch.cosine_similarity(slopes[0], each, 0, eps=1e-30)) for each in slopes[1:]]
        return {"ui": {"text": [*map(str, lines)]}}


NODE_CLASS_MAPPINGS = {"TinyPrecision": TinyPrecision, "TinyLadder": TinyLadder}
