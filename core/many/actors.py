"""Workers that are Ray actors, on this machine or anywhere in a cluster."""

from __future__ import annotations

import os
import socket
import traceback
from typing import TYPE_CHECKING, Any

from ..errors import FaceVeilError, InputError, ModelError
from ..plain import first_line
from .workers import PATIENCE, Reply, Setup, Unexpected, Work, attempt

if TYPE_CHECKING:
    from types import ModuleType


class _Actor:
    """What lives on a node. Models are loaded by a call and not on birth, so that errors come back as they are."""

    _work: Work

    def prepare(self, setup: Setup) -> FaceVeilError | Unexpected | None:
        try:
            self._work = setup()
        except FaceVeilError as error:
            return error
        except Exception:
            return Unexpected(traceback.format_exc())
        return None

    def do(self, item: object) -> Reply:
        return attempt(self._work, item)


class Actors:
    """As many actors as asked for, or as the cluster has graphics cards; or cores, where it has none or shall use none.

    Those for which there is no room yet start when a node joins. One that is lost, with its node or alone, is replaced
    wherever there is room.
    """

    def __init__(self, setup: Setup, address: str, jobs: int | None = None, on_gpus: bool | None = None) -> None:
        self._ray = _import_ray()
        self._own = not self._ray.is_initialized()
        if self._own:
            _connect(self._ray, address)
        resources = self._ray.cluster_resources()
        on_gpus = resources.get("GPU", 0) > 0 if on_gpus is None else on_gpus
        unit = "GPU" if on_gpus else "CPU"
        there = int(resources.get(unit, 0))
        if not (jobs or there):
            raise InputError(f"The Ray cluster '{address}' has no {unit}: add nodes, or choose another --device.")
        jobs = jobs or there
        share = min(1.0, there / jobs) if on_gpus and there else float(on_gpus)
        self._kind = self._ray.remote(num_cpus=1, num_gpus=share, max_restarts=0)(_Actor)
        self._setup = self._ray.put(setup)
        self._deaths_before_work = 0
        self._idle: list[Any] = []
        self._pending: dict[Any, tuple[Any, int | None]] = {}
        """What is under way: (actor, ticket) by the reference of its answer; the ticket is None while it prepares."""
        for _ in range(jobs):
            self._hire()

    def _hire(self) -> None:
        actor = self._kind.remote()
        self._pending[actor.prepare.remote(self._setup)] = actor, None

    def free(self) -> int:
        return len(self._idle)

    def submit(self, ticket: int, item: object) -> None:
        actor = self._idle.pop()
        self._pending[actor.do.remote(item)] = actor, ticket

    def wait(self) -> list[tuple[int, Reply]]:
        answered, _ = self._ray.wait(list(self._pending), num_returns=1)
        return [reply for reference in answered for reply in self._hear(reference)]

    def _hear(self, reference: object) -> list[tuple[int, Reply]]:
        actor, ticket = self._pending.pop(reference)
        try:
            reply = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            return self._replace(actor, ticket, error)
        if isinstance(reply, Exception):
            raise reply
        self._idle.append(actor)
        if ticket is None:
            self._deaths_before_work = 0
            return []
        return [(ticket, reply)]

    def _replace(self, actor: object, ticket: int | None, error: Exception) -> list[tuple[int, Reply]]:
        self._ray.kill(actor)  # a node that is only out of reach must not go on with it
        if ticket is None:
            self._deaths_before_work += 1
            if self._deaths_before_work == PATIENCE:
                why = first_line(getattr(error, "cause", None) or error).rstrip(".")
                raise ModelError(
                    f"Ray's actors die before they can work ({why}). Is this package installed on every node, in the "
                    "same version, and is there memory enough?"
                ) from error
        self._hire()
        return [] if ticket is None else [(ticket, Reply(lost=f"The Ray actor was lost ({type(error).__name__})"))]

    def close(self) -> None:
        for actor in [*self._idle, *(actor for actor, _ in self._pending.values())]:
            self._ray.kill(actor)
        if self._own:
            self._ray.shutdown()


def _import_ray() -> ModuleType:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers, and nobody has asked for that
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise InputError("Ray is not installed here: pip install ray") from error
    return ray


def _connect(ray: ModuleType, address: str) -> None:
    """Ray itself waits for minutes for an address at which nobody listens, so that is asked first."""
    host, _, port = address.rpartition(":")
    try:
        if host and port.isdecimal() and "/" not in host:
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        quiet = {"log_to_driver": False, "logging_level": "ERROR"}
        ray.init(address, **quiet, **({"include_dashboard": False} if address == "local" else {}))
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise InputError(
            f"The Ray cluster '{address}' cannot be reached ({first_line(error).rstrip('.')}). Start one (ray start "
            "--head), or say --ray local."
        ) from error
