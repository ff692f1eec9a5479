"""Calibration where the recogniser computes on another device than photos are read to."""

from __future__ import annotations

import torch

from faceveil.core.faces.face import Face
from faceveil.core.recognisers import calibrate
from faceveil.core.recognisers.card import Card
from faceveil.core.recognisers.recogniser import Recogniser


class Away(torch.Tensor):
    """What a network on another device gives: not to be mixed with the CPU's before it is fetched."""

    def cpu(self):
        return self.as_subclass(torch.Tensor)


def test_photos_go_where_the_recogniser_is_and_embeddings_come_back(examples, monkeypatch):
    """The device without numbers stands for a graphics card: it mixes with the CPU as little."""
    seen = []

    def find_faces(image, which):
        seen.append(image.device.type)
        return [Face((10.0, 10.0, 90.0, 90.0), torch.rand(5, 2, device=image.device), 1.0)]

    def network(crops):
        seen.append(crops.device.type)
        return torch.ones(1, 4).as_subclass(Away)

    monkeypatch.setattr(calibrate, "find_faces", find_faces)
    monkeypatch.setattr(calibrate, "align", lambda image, *_: image.new_empty(1, 3, 112, 112))
    recogniser = Recogniser(Card("away", 112, "arcface"), network)
    embedding = calibrate.embed_file(recogniser, examples / "portrait.png", "meta")
    assert seen == ["meta", "meta"]
    assert type(embedding) is torch.Tensor and embedding.tolist() == [0.5] * 4
