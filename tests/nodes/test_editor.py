"""Trajectory-Aligned Editor, with a stand-in for ComfyUI."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace

import pytest
import torch

from faceveil.core.errors import NoFaceError


def test_a_picture_without_a_face_is_refused_before_a_model_is_loaded(node_of, monkeypatch, dlib_recogniser):
    def load(*more):
        raise AssertionError("the model was loaded")

    node = node_of("editor", "TrajectoryEditor")
    # By its entry in sys.modules: under its package's own name a module that another test had may still lie.
    monkeypatch.setattr(import_module("faceveil.nodes.adapters.sampling"), "run_inside", load)
    latents = SimpleNamespace(latent_channels=4)
    model = SimpleNamespace(get_model_object=lambda name: latents)
    vae = SimpleNamespace(latent_dim=2, output_channels=3, downscale_ratio=8)
    sky, mask, sigmas = torch.full((1, 96, 96, 3), 0.5), torch.ones(1, 96, 96), torch.tensor([1.0, 0.0])
    settings = {"editor": "invert", "solver": "euler", "cfg": 1.0, "hold": 0.8, "size": 64, "seed": 0}
    with pytest.raises(NoFaceError, match="disconnect 'recognisers'"):
        node.execute(model, vae, sky, mask, [], [], sigmas, **settings, recognisers=(dlib_recogniser,))
    with pytest.raises(AssertionError, match="was loaded"):
        node.execute(model, vae, sky, mask, [], [], sigmas, **settings)
