"""A service's double, and judges that need not wait."""

from __future__ import annotations

import random

import pytest
import torch
from service_double import double

from faceveil.core.services.judge import OnlineJudge
from faceveil.core.services.patience import Budget, Patience


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """No key of whoever runs this, no answer of theirs, and no way to anything but this machine."""
    monkeypatch.setenv("FACEVEIL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "FACEPP_API_KEY", "FACEPP_API_SECRET", "DIDIT_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture
def server():
    with double() as made:
        yield made


class Clock:
    """Sleeping is told and takes no time."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def judging(clock):
    """A service as a judge, with a clock of its own."""

    def made(service, calls: int = 50) -> OnlineJudge:
        patience = Patience(Budget(calls), 0.0, sleep=clock.sleep, clock=clock, chance=random.Random(0))
        return OnlineJudge(service, patience)

    return made


@pytest.fixture
def crops() -> list[torch.Tensor]:
    """Two different pictures, as a judge keeps faces."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randint(0, 256, (3, 80, 80), generator=generator, dtype=torch.uint8) for _ in range(2)]
