"""A recipe: everything about how a face is protected except the face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from ..optimise import Settings
from ..trajectory.embeddings import PUBLISHED_STEPS, Learning
from ..veil.shape import Shape
from .identity import Aim
from .viewing import VARIED, Viewing
from .weighting import Constant, Weighting

ATTENTION = "attention"
"""The term of a recipe's `visibility` that holds a denoiser's self-attention where it was."""


@dataclass(frozen=True)
class Denoising:
    """Weakened purification: the latent that is moved lies a few denoising steps before the picture."""

    steps: int = 20
    """Of the whole schedule; of which only the `last` are taken."""
    last: int = PUBLISHED_STEPS
    learning: Learning = field(default_factory=Learning)
    """How embeddings are learned for those steps."""
    attention: str = "light"
    """The form of the attention term, `attention.FORMS`."""
    checkpointed: bool = False
    """Make each step's inner values again for the gradient instead of keeping them: the memory of one step, for
    one more evaluation each."""


@dataclass(frozen=True)
class Recipe:
    """What may change, by how much, and how it is searched for."""

    name: str
    warp: float = 0.0
    """Largest displacement, as a share of the distance between the eyes; 0 leaves the face's shape alone."""
    contrast: tuple[tuple[float, int, float], ...] = ()
    """Bands of what is there that may become stronger or weaker: width as a share of the face, knots, largest share."""
    luma: float = 0.0
    """Largest change of brightness in each band (`veil.forgiving.LIGHT`), in units of what goes unnoticed there."""
    colour: float = 0.0
    """Largest change of each colour channel, of 255: the classic pixel noise."""
    latent: float = 0.0
    """Learning rate of the latent offset; needs an autoencoder."""
    denoising: Denoising | None = None
    """Where that latent lies; None is the clean one. Needs a denoiser."""
    smooth: float = 1.0
    """Share of a latent's change that reaches skin without texture, where any change shows."""
    warp_symmetry: float = 1.0
    expression_held: bool = True
    """Whether the warp leaves alone what would be read as another mood, and what would be another's proportions."""
    growth: float = 2.5
    """How much of a proportion it may change, in units of what passes (`faces.movements.PROPORTIONS`)."""
    size: int = 256
    """Side of the square the face's window is worked on at."""
    margin: float = 0.35
    """Margin of that window around the face, as a share of the face's longer side."""
    aim: Aim = field(default_factory=Aim)
    viewing: Viewing = VARIED
    aligned: bool = True
    """Show recognisers the face upright at its five points; False shows its box as it is, as published."""
    weighting: Weighting = field(default_factory=Constant)
    visibility: Mapping[str, float] = field(default_factory=dict)
    """Weights of the terms in `objective.VISIBILITY`."""
    perceptual: str = "ms-ssim"
    """What the term "perceptual" is: "ms-ssim", or "lpips" or "vgg19" where their weights are at hand."""
    settings: Settings = field(default_factory=Settings)
    budget: float | None = None
    """The most paint that may show; what was found beyond it is worn as a share. None wears all of it."""

    @property
    def shape(self) -> Shape:
        """What of it makes a veil of knots."""
        return Shape(**{entry.name: getattr(self, entry.name) for entry in fields(Shape)})

    @property
    def needs_autoencoder(self) -> bool:
        return self.latent > 0

    @property
    def makes_veil(self) -> bool:
        """Whether other photos can wear what it finds; pixels and a latent belong to one photo."""
        return self.shape.changes and not self.needs_autoencoder and not self.colour
