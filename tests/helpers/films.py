"""Small films made of a still that is moved about, so that where the face is at each frame is known exactly."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

RATE = 25


def moved(still: torch.Tensor, count: int, height: int, width: int, drift: float = 12.0) -> list[np.ndarray]:
    """Frames (H, W, 3) of a still (1, 3, h, w) that sways around its middle by `drift` pixels."""
    frames = []
    for index in range(count):
        turn = 2 * math.pi * index / 40
        shift = torch.tensor(
            [[[1.0, 0.0, 2 * drift * math.sin(turn) / width], [0.0, 1.0, drift * math.cos(turn) / height]]]
        )
        grid = F.affine_grid(shift, (1, 3, height, width), align_corners=False)
        grid = grid * grid.new_tensor([width / still.shape[-1], height / still.shape[-2]])
        frame = F.grid_sample(still, grid, mode="bicubic", padding_mode="border", align_corners=False)
        frames.append((frame[0].clamp(0, 1).movedim(0, -1) * 255).round().byte().numpy())
    return frames


def write(
    path: Path,
    frames: list[np.ndarray],
    kind: str = "yuv420p",
    codec: str = "libx264",
    audio: int = 1,
    times: list[int] | None = None,
    turn: int = 0,
    container: str | None = None,
) -> Path:
    """A film of these frames; `times` in milliseconds make its rate vary, `audio` tracks of a tone go along."""
    import av

    with av.open(str(path), "w", format=container) as out:
        video = out.add_stream(codec, rate=RATE, options={"crf": "12", "preset": "ultrafast"})
        video.height, video.width = frames[0].shape[:2]
        video.pix_fmt = kind
        video.codec_context.time_base = Fraction(1, 1000)
        video.codec_context.colorspace = 1
        video.codec_context.color_range = 1
        if turn:
            video.set_display_rotation(turn)
        sounds = [out.add_stream("aac" if path.suffix != ".mkv" else "flac", rate=44100) for _ in range(audio)]
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=kind, dst_colorspace=1)
            frame.pts = times[index] if times else round(1000 * index / RATE)
            frame.time_base = Fraction(1, 1000)
            out.mux(video.encode(frame))
        for number, sound in enumerate(sounds):
            samples = round(44100 * len(frames) / RATE)
            tone = np.sin(np.arange(samples) * 2 * np.pi * 220 * (number + 1) / 44100).astype(np.float32)[None]
            form, data = ("fltp", tone) if path.suffix != ".mkv" else ("s16", (tone * 30000).astype(np.int16))
            made = av.AudioFrame.from_ndarray(data, form, layout="mono")
            made.sample_rate, made.pts, made.time_base = 44100, 0, Fraction(1, 44100)
            for cut in av.AudioResampler(form, "mono", 44100, frame_size=1024).resample(made):
                out.mux(sound.encode(cut))
            out.mux(sound.encode(None))
        out.mux(video.encode(None))
    return path
