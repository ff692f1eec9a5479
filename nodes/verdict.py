"""Node: Protection Verdict."""

from __future__ import annotations

import torch
from comfy_api.latest import io, ui

from ..core.faces.face import Face
from ..core.recognisers.automatic import load_automatic
from ..core.recognisers.judge import Judge
from ..core.recognisers.recogniser import Recogniser
from ..core.verdict.verify import witnesses_of
from .adapters.host import Bar, cancellable, gradients_allowed, on_device, pick_device
from .adapters.pictures import pictures_of, tensors_of
from .parts.comparing import Compared, page_data, verdict_data
from .parts.finding import refuse_faceless
from .parts.judging import judge_pictures
from .parts.sockets import CATEGORY, Faces, Recognisers, faces_input, far_input, schema


class Verdict(io.ComfyNode):
    """Does a recogniser still know who this is?"""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilVerdict",
            display_name="Protection Verdict",
            category=CATEGORY,
            search_aliases=["compare faces", "face similarity", "face match", "verify"],
            description="Checks a protected picture, plain and after real JPEG and scaling, and says what it found.",
            is_output_node=True,
            inputs=[
                io.Image.Input("original", tooltip="The picture as it was."),
                io.Image.Input("protected", tooltip="The same picture, protected; or what sharing made of it."),
                faces_input(),
                far_input(),
                Recognisers.Input(
                    "recognisers",
                    optional=True,
                    tooltip="Those that were protected against. With judges connected, theirs is not the word that "
                    "counts. Nothing connected at either input: auto, as Protect Portrait takes it.",
                ),
                Recognisers.Input("judges", optional=True, tooltip="Recognisers that took no part: their word counts."),
                io.Image.Input(
                    "gallery",
                    optional=True,
                    tooltip="Other photos of the same person to compare with; otherwise the original itself.",
                ),
                Faces.Input(
                    "found", optional=True, tooltip="From Find Faces: judge these faces instead of finding them anew."
                ),
                io.Boolean.Input(
                    "show_sheet",
                    default=True,
                    display_name="show sheet",
                    optional=True,
                    tooltip="The sheet holds the original face. To show it here ComfyUI writes it into its temp "
                    "folder, where it lies until ComfyUI starts again. Off: only the words.",
                ),
            ],
            outputs=[
                io.String.Output(
                    display_name="report", tooltip="Every similarity with its threshold, and the verdict in words."
                ),
                io.Image.Output(
                    display_name="sheet", tooltip="The verdict as a picture: faces, difference, similarities."
                ),
                io.Float.Output(
                    display_name="score",
                    tooltip="How far below its threshold the closest call stays, in standard deviations of "
                    "strangers' similarities. Above 0: no longer matched.",
                ),
                io.Boolean.Output(
                    display_name="protected", tooltip="True when nobody whose word counts matches any face any more."
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
        original: torch.Tensor,
        protected: torch.Tensor,
        faces: str,
        far: str,
        recognisers: tuple[Recogniser, ...] | None = None,
        judges: tuple[Judge, ...] | None = None,
        gallery: torch.Tensor | None = None,
        found: list[list[Face]] | None = None,
        show_sheet: bool = True,
    ) -> io.NodeOutput:
        before, after = pictures_of(original, "original"), pictures_of(protected, "protected")
        device = pick_device()
        with gradients_allowed(), cancellable():
            surrogates, others = recognisers or (), judges or ()
            if not surrogates and not others:
                surrogates = load_automatic(far)
            witnesses = witnesses_of(surrogates, others)
            photos = tensors_of(gallery, "gallery")
            refuse_faceless(photos, "gallery")
            bar = Bar(len(before))
            with on_device([*surrogates, *others], device):
                done = judge_pictures(
                    before,
                    after,
                    witnesses,
                    [photo.to(device) for photo in photos],
                    faces,
                    far,
                    device,
                    found,
                    bar.show,
                )
        shown = ui.PreviewText(done.text).as_dict()
        if show_sheet:
            shown |= ui.PreviewImage(done.sheets).as_dict()
        else:
            shown |= page_data([Compared({}, verdict_data(report)) for report in done.reports])
        return io.NodeOutput(done.text, done.sheets, done.score, done.protected, ui=shown)
