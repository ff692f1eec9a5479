"""What many photos of a person give away together, in embeddings alone: each other, a mean, a template that learns."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize


def same_person(people: Sequence[str]) -> Tensor:
    """Which of N photos show the same person as which, itself left out (N, N)."""
    same = torch.tensor([[one == other for other in people] for one in people], dtype=torch.bool).view(
        len(people), len(people)
    )
    return same & ~torch.eye(len(people), dtype=torch.bool)


def alike_of(photos: Tensor, same: Tensor, others: Tensor) -> Tensor:
    """How alike each of M photos (M, dim) is to each of N others (N, dim) of its person; -inf where `same` is not."""
    return (photos @ others.T).masked_fill(~same, -torch.inf)


def linked_each_other(photos: Tensor, people: Sequence[str], threshold: float) -> tuple[Tensor, Tensor]:
    """By photo (M,): how many other photos of the same person it matches, and of how many."""
    same = same_person(people)
    return (alike_of(photos, same, photos) > threshold).sum(1), same.sum(1)


def means(which: Tensor, faces: Tensor) -> Tensor:
    """Templates (M, dim) of those that `which` (M, N) chooses from embeddings (N, dim)."""
    return normalize(which.to(faces) @ faces, dim=1)


def averaged_found(
    photos: Tensor, people: Sequence[str], clean: Tensor, same: Tensor, threshold: float
) -> tuple[Tensor, Tensor]:
    """By photo (M,): whether the mean of all protected photos of its person is like the mean of the clean others.

    `same` (M, N) says which of N `clean` faces show whose, the photo itself left out.
    """
    mine = same_person(people) | torch.eye(len(people), dtype=torch.bool)
    valid = (mine.sum(1) > 1) & same.any(1)
    alike = (means(mine, photos) * means(same, clean)).sum(1)
    return valid & (alike > threshold), valid


def updated_found(
    photos: Tensor, people: Sequence[str], clean: Tensor, same: Tensor, threshold: float
) -> tuple[Tensor, Tensor]:
    """By photo (M,): whether a template of the clean others and of other protected photos matches it, protected.

    What a service learns that takes whatever it believes to be somebody into their template.
    """
    protected = same_person(people)
    valid = protected.any(1) & same.any(1)
    template = normalize(same.to(clean) @ clean + protected.to(photos) @ photos, dim=1)
    return valid & ((photos * template).sum(1) > threshold), valid
