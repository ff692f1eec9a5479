"""What is known of one face: what each recogniser makes of it, and how visible the change is."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class RecogniserVerdict:
    """What one recogniser makes of one face, before and after."""

    name: str
    family: str
    role: str
    """"surrogate" (its gradient was used) or "judge" (it took no part)."""
    far: str
    threshold: float | None
    """None when this network was never calibrated at this false-accept rate; then nothing counts as matched."""
    before: float
    after: float
    after_jpeg75: float
    after_jpeg50: float
    after_half: float
    matched_before: bool
    matched_after: bool
    """Whether the plain picture or any shared copy of it still matches."""
    decoy_before: float | None = None
    """Similarity to the decoy that is most alike; None when there is none."""
    decoy_after: float | None = None
    thresholds_from: str = ""
    """What the threshold was measured on, or who says so."""
    attacked: dict[str, float] = field(default_factory=dict, hash=False)
    """Similarity once an opponent has tried something cheap, by attack; it decides nothing."""

    @property
    def copies(self) -> dict[str, float]:
        """Similarity after protection by copy: the picture as it is, and what sharing makes of it."""
        return {
            "plain": self.after,
            "jpeg75": self.after_jpeg75,
            "jpeg50": self.after_jpeg50,
            "half": self.after_half,
        }

    @property
    def closest(self) -> float:
        """The similarity of the copy that is most alike: it decides whether the face is still matched."""
        return max(self.copies.values())


@dataclass(frozen=True)
class Quality:
    """How visible the change is, on the face's crop unless said otherwise. None: could not be measured here."""

    psnr: float
    ssim: float
    lpips_alex: float | None
    lpips_vgg: float | None
    face_dssim: float
    chroma: float
    outside_max: float
    """The largest change of any channel outside all faces' masks, 0 to 1."""
    paint: float = 0.0
    """What shows of the change once motion and light are undone, where it shows most (`perception.looks`)."""
    tint: float = 0.0
    """The same of colour."""
    shape: float = 0.0
    """How far parts of the face moved, in eye distances."""
    uneven: float = 0.0
    """How much of that is not the same left and right."""
    expression: float = 0.0
    """The largest movement that is read as another mood."""
    growth: float = 0.0
    """The largest change of a proportion, in units of what passes (`faces.movements.PROPORTIONS`)."""
    worst: tuple[int, int] | None = None
    """Where paint or tint shows most, in the picture."""

    def words(self) -> str:
        """The figures as a person reads them; what was not measured is left out."""
        figures = {"SSIM": self.ssim, "DSSIM": self.face_dssim, **self._lpips}
        measured = [f"{name} {value:.3f}" for name, value in figures.items() if value is not None]
        looks = [f"{name} {getattr(self, name):.2f}" for name in ("paint", "tint", "shape", "growth")]
        return ", ".join([*looks, f"PSNR {self.psnr:.1f} dB", *measured, f"colour {self.chroma:.2f}"])

    def outside_words(self) -> str:
        """What became of the rest of the picture."""
        return f"changed by up to {255 * self.outside_max:.1f} of 255" if self.outside_max else "nothing changed"

    @property
    def missing(self) -> list[str]:
        """What could not be measured here."""
        return [name for name, value in self._lpips.items() if value is None]

    @property
    def _lpips(self) -> dict[str, float | None]:
        return {"LPIPS-alex": self.lpips_alex, "LPIPS-vgg": self.lpips_vgg}


@dataclass(frozen=True)
class FaceVerdict:
    """One face of one photo."""

    box: tuple[float, float, float, float]
    recognisers: tuple[RecogniserVerdict, ...]
    quality: Quality
    number: int | None = None
    """Which of the photo's faces it is, as `--faces` counts them; None where nobody counted."""

    @property
    def deciding(self) -> list[RecogniserVerdict]:
        """Those whose word counts: judges that have a threshold; where there are none, surrogates that have one."""
        measured = [r for r in self.recognisers if r.threshold is not None]
        return [r for r in measured if r.role == "judge"] or measured

    @property
    def independent(self) -> list[str] | None:
        """Who decides and is of a family that gave no gradient: within a family, success proves nothing. None where
        nobody is said to have given any, as of two pictures that somebody found."""
        surrogates = {r.family for r in self.recognisers if r.role == "surrogate"}
        return [r.name for r in self.deciding if r.family not in surrogates] if surrogates else None

    @property
    def known(self) -> bool:
        """Whether somebody whose word counts matched it before. If not, that nobody does now says nothing."""
        return any(r.matched_before for r in self.deciding)

    @property
    def protected(self) -> bool:
        """Known before, and nobody whose word counts matches any more."""
        return self.known and not any(r.matched_after for r in self.deciding)
