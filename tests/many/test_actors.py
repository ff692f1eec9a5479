"""Workers that are Ray actors: killed, and lost with their node; a cluster that cannot be had."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from cheap import order
from items import Does, Hopeless, Stillborn, done
from many_photos import COUNT, contents, states

from faceveil.core.errors import InputError, ModelError
from faceveil.core.many.actors import Actors
from faceveil.core.many.run import run
from faceveil.core.many.workers import Unexpected

pytest.importorskip("ray")
HELPERS = Path(__file__).parents[1] / "helpers"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two nodes on this machine, of one core each; the second may be lost."""
    import ray
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", str(HELPERS))  # what is installed on its nodes
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        yield made
        ray.shutdown()
        made.shutdown()


@pytest.mark.slow
def test_errors_retries_and_workers_that_cannot_start(cluster):
    hire = partial(Actors, address=cluster.address)
    items = [("refuse",), ("divide", 0), ("starve",), ("die",), ("item", 1)]
    results = done(hire(Does()), items, retries=1)
    assert isinstance(results["refuse",].error, InputError) and results["refuse",].tries == 1
    assert isinstance(results["divide", 0].error, Unexpected)
    assert "not enough memory, 2 times" in str(results["starve",].error)
    assert "Ray actor was lost" in str(results["die",].error) and results["die",].tries == 2
    assert results["item", 1].value[2] == 1
    with pytest.raises(ModelError, match="no weights"):
        done(hire(Hopeless()), [("item",)])
    with pytest.raises(ModelError, match="die before they can work"):
        done(hire(Stillborn()), [("item",)])


@pytest.mark.slow
def test_an_actor_killed_and_a_node_lost_midway_cost_nothing(cluster, photos, undisturbed, tmp_path):
    second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    lost = []

    def disturb(now):
        if now.done == COUNT // 4:
            lost.append(an_actor())
            os.kill(lost[0], signal.SIGKILL)
        if now.done == COUNT // 2:
            lost.append(second)
            cluster.remove_node(second, allow_graceful=False)

    summary = run(
        order(photos, tmp_path / "out", pause=0.02), partial(Actors, address=cluster.address, jobs=2), disturb
    )
    assert len(lost) == 2 and (summary.done, summary.failed) == (COUNT, 0)
    assert contents(tmp_path / "out") == undisturbed and states(tmp_path / "out") == {"done": COUNT}


def an_actor() -> int:
    """The process of one of them, as the system calls it."""
    found = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return next(int(line.split()[0]) for line in found.splitlines() if "ray::_Actor" in line)


@pytest.mark.slow
def test_a_driver_killed_midway_goes_on_with_the_same_cluster(cluster, photos, undisturbed, tmp_path):
    out = tmp_path / "out"
    program = [sys.executable, HELPERS / "cheap.py", photos, out, cluster.address]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as driver:
        for line in driver.stdout:
            if line.strip().isdigit() and int(line) >= COUNT // 2:  # Ray talks as well
                driver.kill()
                break
    before = states(out)["done"]
    summary = run(order(photos, out), partial(Actors, address=cluster.address))
    assert COUNT // 2 <= before == summary.skipped < COUNT and summary.failed == 0
    assert contents(out) == undisturbed and states(out) == {"done": COUNT}


def test_a_cluster_that_is_not_there_is_one_sentence(monkeypatch):
    with pytest.raises(InputError, match=r"'nowhere' cannot be reached.*--ray local"):
        Actors(Does(), "nowhere")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match="pip install ray"):
        Actors(Does(), "auto")
