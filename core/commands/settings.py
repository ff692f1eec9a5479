"""All that decides what becomes of a photo, as one hash: what has another one is done again."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..methods.guard import GuardRecipe
    from ..search.recipe import Recipe

NO_DIFFERENCE = (
    *("command", "run", "photos", "out", "report", "sheet"),
    *("jobs", "ray", "retries", "time_limit", "overwrite", "device", "low_memory", "save_veil"),
)
"""Options that change nothing in a protected photo."""
_FILES = (
    *("gallery", "decoy", "apart", "mask", "veil", "clip", "model", "model_config"),
    *("landmarks", "parser", "sentences"),
)
"""Options that name files or folders, of which only what they hold makes a difference."""


def settings_of(options: argparse.Namespace, recipe: Recipe | GuardRecipe | None) -> str:
    """Of the options, what the files hold that they name, the recipe's every number, the weights that are used without
    being named, and the version of the code. Without a recipe nothing is protected."""
    from ..engines.tiny import find_tiny
    from ..faces.scrfd import find_scrfd_file
    from ..model_files.hashes import weights_hash
    from ..model_files.places import BUNDLED
    from ..recognisers.files import files_of
    from ..version import version

    def described(name: str, value: Any) -> object:
        if isinstance(value, list | tuple):
            return [described(name, entry) for entry in value]
        if name in _FILES and value and os.path.exists(value):  # noqa: PTH110 (Path raises for a name too long)
            return weights_hash([Path(value)])
        return str(value)

    contents = {name: described(name, value) for name, value in vars(options).items() if name not in NO_DIFFERENCE}
    named, tiny = [*options.surrogate, *options.judge], getattr(options, "autoencoder", None)
    return _hash(
        {
            "version": version(),
            "options": contents,
            "recipe": repr(recipe),
            "bundled": weights_hash([BUNDLED]),
            "recognisers": [weights_hash(files_of(name)) for name in named],
            "autoencoder": weights_hash([*find_tiny(tiny)]) if tiny else None,
            "detector": weights_hash([found]) if options.detector == "scrfd" and (found := find_scrfd_file()) else None,
            "measures": weights_hash(_measures(recipe)),
        }
    )


def _measures(recipe: Recipe | GuardRecipe | None) -> list[Path]:
    """The network that a recipe sees change by, where there is one; which others there are makes no difference."""
    from ..perception.backbones import candidates
    from ..search.recipe import Recipe

    if not isinstance(recipe, Recipe) or not recipe.visibility.get("perceptual"):
        return []
    net = {"vgg19": "vgg19", "lpips": "vgg"}.get(recipe.perceptual)
    return candidates(net)[:1] if net else []


def _hash(data: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
