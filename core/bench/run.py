"""All trials of a run, one after the other or side by side, each written down as soon as it is done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ..attacks.registry import Tried
from ..errors import FaceVeilError, InputError
from ..many.processes import Processes, seats
from ..many.workers import Here, dispatch
from ..sharing.upload import UPLOADS
from .asking import introduced
from .attacking import AttackJob, still_to_try, try_attacks
from .rows import (
    RESULTS,
    Key,
    Row,
    about,
    cut_torn_line,
    key_of,
    read_about,
    read_attacked,
    read_known,
    read_rows,
    writing_into,
)
from .trial import Trial, attempt, picture_path, split


@dataclass(frozen=True)
class Plan:
    """What one run compares. Everything in it can be sent to another process."""

    methods: tuple[str, ...]
    recognisers: tuple[str, ...]
    out: Path
    """The folder of the results: rows.jsonl, and the protected photos under pictures/."""
    pairs: tuple[tuple[Path, Path], ...] = ()
    people: Mapping[str, Path] = field(default_factory=dict)
    """Instead of pairs, the photos of a search by PERSON/NAME."""
    count: int | None = None
    """Protect only the first so many; a search looks among all."""
    held_out: tuple[str, ...] = ()
    """Families that are left out in turn; none named is each of them."""
    decoys: tuple[tuple[Path, Path], ...] = ()
    """Whom to resemble, and another photo of each: the decoy protocol, besides dodging."""
    outside: tuple[str, ...] = ()
    attacks: tuple[Tried, ...] = ()
    """What is tried on each protected photo once it is saved."""
    seed: int = 0
    device: str = "cpu"

    @property
    def results(self) -> Path:
        return self.out / RESULTS

    @property
    def pictures(self) -> Path:
        return self.out / "pictures"

    @property
    def protocol(self) -> str:
        return "search" if self.people else "pairs"

    def trials(self, families: Sequence[str]) -> Iterator[Trial]:
        """Photo by photo, so that a run that is stopped has compared all methods on some photos."""
        alone: list[tuple[str, Path, Path | None]] = [(name, photo, None) for name, photo in self.people.items()]
        paired = [(photo.stem, photo, gallery) for photo, gallery in self.pairs]
        for name, photo, gallery in (alone or paired)[: self.count]:
            for held_out in self.held_out or families:
                for method in self.methods:
                    yield Trial(method, held_out, name, photo, gallery)
                    for decoy, again in self.decoys:
                        yield Trial(method, held_out, name, photo, gallery, decoy, again)


class _Worker:
    """Models of one process, loaded once."""

    def __init__(self, plan: Plan) -> None:
        from ..recognisers.catalogue import load_recogniser
        from .methods import method
        from .outside import load_outside

        self.plan = plan
        self.recognisers = [load_recogniser(name).to(plan.device) for name in plan.recognisers]
        self.methods = {name: method(name) for name in plan.methods}
        self.outside = [load_outside(entry) for entry in plan.outside]

    def __call__(self, item: Trial | AttackJob) -> list[Row]:
        return self._attempt(item) if isinstance(item, Trial) else self._try_attacks(item)

    def _try_attacks(self, job: AttackJob) -> list[Row]:
        plan = self.plan
        picture = picture_path(plan.pictures, job.trial)
        return try_attacks(job, picture, self.recognisers, plan.people, plan.device)

    def _attempt(self, trial: Trial) -> list[Row]:
        plan = self.plan
        picture = picture_path(plan.pictures, trial)
        picture.parent.mkdir(parents=True, exist_ok=True)
        row = attempt(
            trial,
            self.methods[trial.method],
            self.recognisers,
            UPLOADS,
            self.outside,
            plan.people,
            plan.seed,
            plan.device,
            picture,
        )
        return [row]


def run(plan: Plan, jobs: int = 1, on_step: Callable[[int, int], None] = lambda done, of: None) -> list[str]:
    """Do what is not done yet; returns what failed, a line each. Results are in `plan.results`.

    Refused where results of other settings are: a trial's key does not tell them apart, and tables would mix them.
    """
    worker = _Worker(plan)
    families = list(dict.fromkeys(recogniser.family for recogniser in worker.recognisers))
    for name in plan.held_out or families:
        split(worker.recognisers, name)
    settings = {
        "recognisers": [recogniser.name for recogniser in worker.recognisers],
        "judges": [judge.name for judge in worker.outside],
        "protocol": plan.protocol,
        "seed": plan.seed,
    }
    with writing_into(plan.out):
        done, known = _done(plan, settings)
        trials = list(plan.trials(families))
        todo = [trial for trial in trials if trial.key not in done]
        strangers = [name for name in plan.people if name not in known]
        tried = read_attacked([plan.results]) if plan.results.is_file() else []
        attack_jobs = len(still_to_try(trials, plan.attacks, tried, set()))
        steps = len(strangers) + len(todo) + attack_jobs
        if not steps:
            return []
        with plan.results.open("a", encoding="utf-8") as file:

            def write(row: Row) -> None:
                file.write(json.dumps(row) + "\n")
                file.flush()

            write(about(**settings, device=plan.device, jobs=jobs))
            everybody = introduced(plan.people, known, worker.recognisers, worker.outside, plan.device)
            for index, row in enumerate(everybody):
                write(row)
                on_step(index + 1, steps)
            # Processes and not threads: one network on several cores is slower than several networks on one each.
            hired = Here(lambda: worker) if jobs == 1 else Processes(partial(_Worker, plan), seats(jobs))
            failed: dict[Key, str] = {}
            with closing(hired) as workers:
                begun = len(strangers)
                rounds: tuple[Callable[[], Sequence[Trial | AttackJob]], ...] = (
                    lambda: todo,
                    lambda: still_to_try(trials, plan.attacks, tried, set(failed)),
                )
                for items in rounds:
                    for ended in dispatch(workers, items()):
                        begun += 1
                        trial = ended.item if isinstance(ended.item, Trial) else ended.item.trial
                        if ended.error is None:
                            assert isinstance(ended.value, list)
                            for row in ended.value:
                                write(row)
                        elif isinstance(ended.error, FaceVeilError):
                            failed[trial.key] = f"{trial.method} on {trial.called}: {ended.error}"
                        else:
                            raise ended.error
                        on_step(begun, steps)
            return list(failed.values())


def _done(plan: Plan, settings: dict[str, object]) -> tuple[set[Key], list[str]]:
    """What earlier runs with these settings did, and whose photos they saw.

    What one did not write down about itself may have been the same.
    """
    results = plan.results
    if not results.is_file():
        return set(), []
    cut_torn_line(results)
    done, known = {key_of(row) for row in read_rows([results])}, [row["known"] for row in read_known([results])]
    before = read_about(results) if done or known else {}
    other = [name for name, value in settings.items() if before.get(name, value) != value]
    if other:
        changes = ", ".join(f"{name} {_as_text(before[name])} and not {_as_text(settings[name])}" for name in other)
        raise InputError(f"{results.parent} holds results of other settings ({changes}): name another folder.")
    gone = [name for name in known if name not in plan.people]
    if gone:
        raise InputError(f"{results.parent} knows photos that are not here ({', '.join(gone)}): name another folder.")
    return done, known


def _as_text(value: object) -> str:
    return json.dumps(value).replace('"', "")
