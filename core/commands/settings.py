"""All that decides what becomes of a photo, as one hash: what has another one is done again."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

from .denoising import pick_recipe

NO_DIFFERENCE = (
    *("command", "run", "photos", "out", "report", "sheet"),
    *("jobs", "ray", "retries", "time_limit", "overwrite", "device", "low_memory", "save_veil"),
)
"""Options that change nothing in a protected photo."""
_FILES = ("gallery", "decoy", "mask", "veil", "clip", "model", "model_config")
"""Options that name files or folders, of which only what they hold makes a difference."""


def settings_of(options: argparse.Namespace) -> str:
    """Of the options, what the files hold that they name, the recipe's every number, the weights that are used without
    being named, and the version of the code."""
    from ..engines.tiny import find_tiny
    from ..faces.scrfd import find_scrfd_file
    from ..hashes import weights_hash
    from ..places import BUNDLED
    from ..recognisers.files import files_of
    from ..version import version

    def described(name: str, value: object) -> object:
        if isinstance(value, list):
            return [described(name, entry) for entry in value]
        if name in _FILES and value and Path(value).exists():
            return weights_hash([Path(value)])
        return str(value)

    asked = {name: described(name, value) for name, value in vars(options).items() if name not in NO_DIFFERENCE}
    recipe, named = pick_recipe(options), [*options.surrogate, *options.judge]
    return _hash(
        {
            "version": version(),
            "options": asked,
            "recipe": repr(recipe),
            "bundled": weights_hash([BUNDLED]),
            "recognisers": [weights_hash(files_of(name)) for name in named],
            "autoencoder": weights_hash([*find_tiny(options.autoencoder)]) if options.autoencoder else None,
            "detector": weights_hash([found]) if options.detector == "scrfd" and (found := find_scrfd_file()) else None,
            "measures": weights_hash(_measures(recipe.perceptual if recipe.visibility.get("perceptual") else None)),
        }
    )


def _measures(perceptual: str | None) -> list[Path]:
    """The network that a recipe sees change by, where there is one; which others there are makes no difference."""
    from ..perception.backbones import candidates

    nets = {"vgg19": ["vgg19"], None: []}.get(perceptual, ["vgg"])
    return [path for net in nets for path in candidates(net)[:1]]


def _hash(told: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
