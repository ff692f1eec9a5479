"""PyTorch's own attention in place of faster kernels: only it has a gradient for sure and can be listened to."""

from __future__ import annotations

from typing import Any

import comfy.ldm.modules.attention
import comfy.model_patcher
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


class _Witness(TorchFunctionMode):
    """Whether PyTorch's attention was asked inside."""

    asked = False

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.asked = self.asked or func is F.scaled_dot_product_attention
        return func(*args, **(kwargs or {}))


def with_plain_attention(extra_args: dict[str, Any]) -> dict[str, Any]:
    """A sampler's arguments by which the model attends in PyTorch's own way.

    What another pack has put in place of attention stays when it ends there too. A kernel of its own (SageAttention) is
    left out, for it is there for speed: it may lose the gradient without a word, and recorded values would miss what it
    attends to.
    """
    options = comfy.model_patcher.create_model_options_clone(extra_args["model_options"])
    given = options["transformer_options"]
    before = given.get("optimized_attention_override")
    plain = comfy.ldm.modules.attention.attention_pytorch

    def attend(kernel: Any, *args: Any, **named: Any) -> Tensor:
        if before is not None:
            with _Witness() as witness:
                out = before(plain, *args, **named)
            if witness.asked:
                return out
        return plain(*args, **named)

    options["transformer_options"] = {**given, "optimized_attention_override": attend}
    return {**extra_args, "model_options": options}
