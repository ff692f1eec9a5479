"""A second device to leave things on by mistake: pretended, because machines that test have no graphics card.

Tensors "on" it compute on the CPU, and mixing them with others is refused as CUDA refuses it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = torch.device("lazy", 0)
"""One that torch knows by name and never tries to start."""

_ANYWHERE = {torch.ops.aten._to_copy, torch.ops.aten.copy_, torch.ops.aten._local_scalar_dense}
_INDEXED = {torch.ops.aten.index, torch.ops.aten.index_put, torch.ops.aten.index_put_, torch.ops.aten._index_put_impl_}
_NO_SCALARS = {torch.ops.aten.clamp, torch.ops.aten.clamp_}


class Elsewhere(Tensor):
    """A CPU tensor that says it lies on the other device."""

    @staticmethod
    def __new__(cls, inner: Tensor) -> Elsewhere:
        return Tensor._make_wrapper_subclass(
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=DEVICE,
            requires_grad=inner.requires_grad,
        )

    def __init__(self, inner: Tensor) -> None:
        self.inner = inner

    def __repr__(self) -> str:
        return f"Elsewhere({self.inner!r})"

    def tolist(self) -> list:
        return self.inner.tolist()

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _call(func, args, kwargs or {})


class OtherDevice(TorchDispatchMode):
    """While it is on, tensors can be made on the device and moved there."""

    def __enter__(self) -> OtherDevice:
        self._before = [*getattr(self, "_before", []), torch._C._only_lift_cpu_tensors()]
        torch._C._set_only_lift_cpu_tensors(True)  # or torch.tensor(..., device=...) would never ask us
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        torch._C._set_only_lift_cpu_tensors(self._before.pop())

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"):
            with self:  # in inference mode nobody has taken it apart before us
                return func.decompose(*args, **(kwargs or {}))
        return _call(func, args, kwargs or {})


def _call(func, args, kwargs):
    flat = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, Tensor)]
    here = any(isinstance(value, Elsewhere) for value in flat)
    named = kwargs.get("device")
    if named is not None:
        there = torch.device(named).type == DEVICE.type
        kwargs = {**kwargs, "device": torch.device("cpu")}
    else:
        there = here
    if here:
        _refuse_mixtures(func, args, flat)
    if func.overloadpacket is torch.ops.aten.copy_:
        there = isinstance(args[0], Elsewhere)
    plain = tree_map(lambda value: value.inner if isinstance(value, Elsewhere) else value, (args, kwargs))
    result = func(*plain[0], **plain[1])
    if not there:
        return result
    with torch.inference_mode(False):  # views of ordinary tensors are ordinary ones, there as well
        wrapped = tree_map(lambda value: Elsewhere(value) if isinstance(value, Tensor) else value, result)
    return return_and_correct_aliasing(func, args, kwargs, wrapped) if here else wrapped


def _refuse_mixtures(func, args, flat) -> None:
    kind = func.overloadpacket
    if kind in _ANYWHERE or (kind in _INDEXED and isinstance(args[0], Elsewhere)):
        return
    scalars = torch.Tag.pointwise in func.tags and kind not in _NO_SCALARS
    left = [value for value in flat if not isinstance(value, Elsewhere) and not (scalars and value.ndim == 0)]
    if left:
        raise RuntimeError(f"{func}: expected all tensors on one device, but {tuple(left[0].shape)} is on the CPU")
