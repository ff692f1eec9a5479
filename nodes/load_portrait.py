"""Node: Load Portrait."""

from __future__ import annotations

from pathlib import Path

from comfy_api.latest import io

from ..core.errors import InputError
from ..core.images import SUFFIXES, read_photo
from .parts.lending import EXAMPLES, lend, name_of
from .parts.sockets import CATEGORY, schema


class LoadPortrait(io.ComfyNode):
    """A photo of one's own, or one that comes with the pack."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FaceVeilLoadPortrait",
            display_name="Load Portrait",
            category=CATEGORY,
            search_aliases=["load image", "photo", "example"],
            description="Loads a photo of yours, turned upright, or an example that comes with the pack.",
            inputs=[
                io.Combo.Input(
                    "photo",
                    options=[*_examples(), *_uploaded()],
                    default=name_of(EXAMPLES[0]),
                    upload=io.UploadType.image,
                    image_folder=io.FolderType.input,
                    tooltip="Choose a photo of your own with the button below; the examples are for trying out.",
                )
            ],
            outputs=[io.Image.Output(display_name="image", tooltip="The photo, for Protect Portrait.")],
        )

    @classmethod
    def validate_inputs(cls, photo: str) -> bool | str:
        return True if _path(photo).is_file() else f"There is no photo '{photo}': choose another."

    @classmethod
    def fingerprint_inputs(cls, photo: str) -> str:
        """Whether it is another file now. Save Image writes this into pictures, so it tells nothing of the content."""
        known = _path(photo).stat()
        return f"{known.st_mtime_ns} {known.st_size}"

    @classmethod
    def execute(cls, photo: str) -> io.NodeOutput:
        path = _path(photo)
        if not path.is_file():
            raise InputError(f"There is no photo '{photo}': choose another.")
        return io.NodeOutput(read_photo(path).pixels)


def _examples() -> list[str]:
    """Also when the folder for them cannot be written: then choosing one says that it is not there."""
    import folder_paths

    try:
        return lend(Path(folder_paths.get_temp_directory()))
    except OSError:
        return [name_of(example) for example in EXAMPLES]


def _uploaded() -> list[str]:
    import folder_paths

    folder = Path(folder_paths.get_input_directory())
    return sorted(path.name for path in folder.iterdir() if path.suffix.lower() in SUFFIXES) if folder.is_dir() else []


def _path(photo: str) -> Path:
    import folder_paths

    return Path(folder_paths.get_annotated_filepath(photo))
