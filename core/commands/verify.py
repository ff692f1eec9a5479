"""`faceveil verify ORIGINAL PROTECTED`: does a recogniser still match, and how visible is the change?"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from .options import add_detector, add_device, add_judging, load_judges, pick_device, refuse_overwriting
from .parser import Verbs
from .pictures import naming, read_faces
from .telling import tell


def add(verbs: Verbs) -> None:
    parser = verbs.add_parser("verify", help="compare a photo with its protected copy", description=__doc__)
    parser.add_argument("original", type=Path)
    parser.add_argument("protected", type=Path)
    add_judging(parser)
    add_detector(parser)
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON")
    add_device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..faces.find import find_faces
    from ..images import check_target, read_photo, to_bchw
    from ..recognisers.automatic import AUTO, expand
    from ..verdict.verify import Witness, verify

    refuse_overwriting([options.sheet], [options.original, options.protected, *options.gallery])
    if options.sheet:
        check_target(options.sheet, [options.original, options.protected])
    device = pick_device(options.device)
    original, protected = (
        to_bchw(read_photo(path).pixels).to(device) for path in (options.original, options.protected)
    )
    with naming("photo", options.original):
        found = find_faces(original, detector=options.detector)
    gallery = read_faces(options.gallery, device)
    names = expand(options.judge or [AUTO], far=options.far, research=options.research)
    judges = [Witness(judge) for judge in load_judges(options, names, device)]
    report = verify(original, protected, judges, gallery, found, options.far, options.detector)
    if options.sheet:
        from ..verdict.sheet import write_sheet

        write_sheet(original, protected, report, options.sheet, sources=[options.original, options.protected])
    if options.json:
        tell(*json.dumps(report.as_dict(), indent=1).splitlines())
    else:
        tell(*report.lines())
    return 0
