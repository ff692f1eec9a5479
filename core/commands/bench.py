"""`faceveil bench FOLDER -o OUT`: compare methods on your own photos, with judges that took no part.

How the folder is laid out decides what is asked.

Pairs: FOLDER/a/NAME and FOLDER/b/NAME show the same person (train/train_NAME and test/test_NAME do as well). Every
photo of the first folder is protected knowing nothing but itself, once for each family of recognisers that is left out;
that family then compares it with the photo in the second folder.

A search: FOLDER/PERSON/NAME, several photos of each of several people. Every photo is protected in the same way, and
the family that was left out looks for it among all the others. (Two people alone need other names than a and b.)

Attacks: --attacks cheap, all, or names such as blur=1,2,4 flip autoencoder:taesd img2img:FOLDER=.1,.2 are tried on the
pictures that were saved, and each becomes a column; nothing is protected again (docs/ATTACKS.md).

A run that was stopped goes on when it is started again; more photos, methods, decoys and attacks may be added to it,
and other recognisers, judges or seeds need another folder. OUT/report.html shows all of it.

Two runs are compared by: faceveil bench diff OUT OTHER_OUT
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .options import add_device, add_far, pick_device, progress_bar
from .parser import Verbs, output_path
from .telling import tell, warn


def add(verbs: Verbs) -> None:
    parser = verbs.add_parser(
        "bench",
        help="compare methods on your own photos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    say = parser.add_argument
    say(
        "folder",
        nargs="+",
        metavar="FOLDER",
        help="pairs, or people with several photos each, as above; or: diff OUT OTHER_OUT",
    )
    say("-o", "--out", type=output_path, help="folder of the results, made when missing")
    say(
        "--methods",
        nargs="+",
        default=["light", "balanced", "strong"],
        metavar="NAME[:ABLATION]",
        help="what to compare",
    )
    say("--recognisers", nargs="+", default=[], metavar="NAME_OR_FILE", help="of two families at least")
    say(
        "--held-out",
        nargs="+",
        default=[],
        metavar="FAMILY",
        help="leave out only these families, or ONE+OTHER together (default: each)",
    )
    say(
        "--decoys",
        type=Path,
        metavar="PAIRS",
        help="with pairs, also resemble these: pairs again, of which the second photo only judges",
    )
    say(
        "--judge",
        nargs="+",
        default=[],
        metavar="FILE.py:FUNCTION",
        help="judges of your own: two pictures to a number",
    )
    say("--count", type=int, metavar="N", help="protect only the first N photos")
    add_far(parser, "false-accept rate of a search's thresholds (pairs are told at several)")
    say(
        "--attacks",
        nargs="+",
        default=[],
        metavar="NAME[:TOOL][=STRENGTHS]",
        help="what an opponent tries on the saved pictures: cheap, all, or names",
    )
    say("--inception", type=Path, metavar="FILE.onnx", help="also the Fréchet distance, by this network's features")
    say(
        "--merge",
        nargs="+",
        type=Path,
        default=[],
        metavar="ROWS.jsonl",
        help="add results of other machines to the tables",
    )
    say("--tables-only", action="store_true", help="run nothing; make tables, plot and sheets of what is there")
    say("--jobs", type=int, default=1, metavar="N", help="photos side by side (default: 1)")
    say("--seed", type=int, default=0, help="the same seed gives the same pictures")
    add_device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..errors import InputError

    first, *rest = options.folder
    if first == "diff" and len(rest) == 2:
        return _compare(Path(rest[0]), Path(rest[1]), options.far)
    if first == "diff" and (rest or not Path(first).is_dir()):
        raise InputError("Two runs are compared by their folders: faceveil bench diff OUT OTHER_OUT.")
    if rest:
        raise InputError("Name one folder of photos; two runs are compared by: faceveil bench diff OUT OTHER_OUT.")
    missing = [name for name, given in (("-o", options.out), ("--recognisers", options.recognisers)) if not given]
    if missing:
        raise InputError(f"The following arguments are required: {', '.join(missing)}. See: faceveil bench --help")
    options.folder = Path(first)
    return _bench(options)


def _compare(before: Path, after: Path, far: str) -> int:
    from ..bench.difference import difference_of, rows_of

    tell(*difference_of(rows_of(before), rows_of(after), far).splitlines())
    return 0


def _bench(options: argparse.Namespace) -> int:
    from ..attacks.specs import attacks_of, open_tools
    from ..bench.gathered import Gathered
    from ..bench.layout import people_in
    from ..bench.report import write_report
    from ..bench.rows import read_about, read_attacked, read_known, read_rows
    from ..bench.run import Plan
    from ..bench.run import run as run_plan
    from ..errors import InputError
    from ..images import pairs_in
    from ..recognisers.catalogue import load_recogniser

    if options.jobs < 1 or (options.count is not None and options.count < 1):
        raise InputError("--jobs and --count must be 1 or more.")
    missing = [str(path) for path in options.merge if not path.is_file()]
    if missing:
        raise InputError(f"There is no file {missing[0]} to merge: check the path.")
    people = people_in(options.folder)
    if people and options.decoys:
        raise InputError("Decoys belong to pairs, and these are people with several photos each: leave out --decoys.")
    pairs = () if people else tuple(pairs_in(options.folder))
    plan = Plan(
        tuple(options.methods),
        tuple(options.recognisers),
        options.out,
        pairs,
        people or {},
        options.count,
        tuple(options.held_out),
        tuple(pairs_in(options.decoys)) if options.decoys else (),
        tuple(options.judge),
        attacks_of(options.attacks),
        options.seed,
        pick_device(options.device),
    )
    failed = []
    if not options.tables_only:
        open_tools(plan.attacks, plan.device)
        with progress_bar("trial") as bar:
            failed = run_plan(plan, options.jobs, bar)
    known = [*([plan.results] if plan.results.is_file() else []), *options.merge]
    photos = people or {photo.stem: photo for photo, _ in pairs}
    gathered = Gathered(plan.pictures, photos, {photo.stem: gallery for photo, gallery in pairs})
    judges = [load_recogniser(name) for name in options.recognisers]
    with progress_bar("face") as bar:
        notes = write_report(
            read_rows(known),
            options.out,
            gathered,
            judges,
            options.inception,
            bar,
            read_known(known),
            options.far,
            read_attacked(known),
            read_about(known[0]) if known else {},
        )
    tell(*(options.out / "results.md").read_text(encoding="utf-8").splitlines())
    warn(*(f"note: {line}" for line in [*notes, *failed]))
    return 2 if failed else 0
