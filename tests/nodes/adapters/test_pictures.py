"""ComfyUI's tensors on their way in and out, and latents with a time axis, taken for pictures."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from faceveil.core.errors import InputError
from faceveil.nodes.adapters.pictures import (
    OneFrame,
    flat,
    frames_of,
    has_time,
    image_of,
    latents_of,
    masks_of,
    pictures_of,
    shaped_like,
    tensors_of,
)


def test_pictures_are_ordinary_copies_even_of_inference_tensors():
    with torch.inference_mode():
        image = torch.rand(2, 8, 9, 3)
        pictures = pictures_of(image)
    assert [tuple(picture.shape) for picture in pictures] == [(1, 8, 9, 3)] * 2
    assert not any(picture.is_inference() for picture in pictures)
    pictures[0].requires_grad_(True)
    assert torch.equal(torch.cat(pictures), image.clone())


def test_transparency_comes_back_untouched():
    image = torch.rand(2, 8, 9, 4)
    changed = [1 - picture for picture in pictures_of(image)]
    back = image_of(changed, image)
    assert torch.equal(back[..., 3], image[..., 3]) and torch.equal(back[..., :3], 1 - image[..., :3])


@pytest.mark.parametrize("image", [torch.rand(8, 9, 3), torch.rand(1, 8, 9, 2), torch.rand(0, 8, 9, 3)])
def test_what_is_no_picture_is_refused_by_the_inputs_name(image):
    with pytest.raises(InputError, match="'gallery' holds no picture"):
        tensors_of(image, "gallery")


def test_frames_are_one_copy_and_each_of_them_is_looked_at():
    with torch.inference_mode():
        image = torch.rand(3, 8, 9, 4)
        frames = frames_of(image)
    assert torch.equal(frames, image.clone()) and not frames.is_inference()
    frames[0] = 0
    assert image[0].any()
    frames[2, 0, 0, 0] = torch.nan
    with pytest.raises(InputError, match=r"'images' holds invalid numbers"):
        frames_of(frames)


def test_invalid_numbers_are_refused():
    with pytest.raises(InputError, match="NaN"):
        pictures_of(torch.full((1, 8, 8, 3), torch.nan))


def test_nothing_connected_is_no_picture():
    assert tensors_of(None, "gallery") == []


def test_one_mask_serves_all_pictures_or_there_is_one_each():
    one, two = torch.rand(8, 8), torch.rand(2, 8, 8)
    assert all(torch.equal(mask[0], one) for mask in masks_of(one, 3))
    assert torch.equal(torch.cat(masks_of(two, 2)), two)
    with pytest.raises(InputError, match="2 masks for 3 pictures"):
        masks_of(two, 3)


def test_load_images_stand_in_for_no_mask_is_no_mask():
    assert masks_of(torch.zeros(1, 64, 64), 2) == [None, None] and masks_of(None, 1) == [None]
    assert masks_of(torch.ones(1, 64, 64), 1)[0] is not None


def test_one_frame_is_a_picture_and_several_are_refused():
    one, plain = torch.rand(2, 16, 1, 4, 4), torch.rand(2, 16, 4, 4)
    assert torch.equal(flat(one), one[:, :, 0]) and flat(plain) is plain
    assert torch.equal(shaped_like(flat(one), one), one) and shaped_like(plain, plain) is plain
    assert latents_of({"samples": one}).shape == (2, 16, 4, 4)
    with pytest.raises(InputError, match="encode its pictures one by one"):
        flat(torch.rand(1, 16, 3, 4, 4))


def test_a_format_of_videos_scales_pictures_channel_by_channel():
    mean = torch.arange(4.0).view(1, 4, 1, 1, 1)
    videos = SimpleNamespace(
        latent_channels=4, latent_dimensions=3, process_in=lambda x: x - mean, process_out=lambda x: x + mean
    )
    latent = torch.arange(72.0).view(2, 4, 3, 3) / 64  # which adding and taking away a whole number leaves exact
    assert has_time(videos) and not has_time(OneFrame(videos))
    assert torch.allclose(OneFrame(videos).process_in(latent), latent - mean[:, :, 0])
    assert torch.allclose(OneFrame(videos).process_out(OneFrame(videos).process_in(latent)), latent)
