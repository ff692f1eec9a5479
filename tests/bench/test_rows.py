"""What counts as success, and what is said of few photos."""

from __future__ import annotations

import json
from statistics import NormalDist

import pytest

from faceveil.core.bench.rows import about, judged, lead, mean, read_rows, success
from faceveil.core.bench.shares import Rate
from faceveil.core.bench.tables import tables
from faceveil.core.errors import InputError


def seen(before, after, threshold=0.5, role="judge", name="one", **more):
    thresholds = {} if threshold is None else {"1e-2": threshold}
    return {"name": name, "role": role, "thresholds": thresholds, "before": before, "after": {"plain": after}, **more}


FIGURES = {
    "quality": dict.fromkeys(("lpips_vgg", "lpips_alex", "face_dssim", "ssim", "psnr", "chroma"), 0.1),
    "shift": None,
    "evaluations": dict.fromkeys(("denoiser", "decoder", "recogniser"), 1),
    "cpu_seconds": 1.0,
    "peak_mb": None,
}
"""What tables need besides, of a system that does not tell memory."""


def row(*recognisers, photo="p", method="m", decoy=None, held_out="f"):
    return {"method": method, "held_out": held_out, "photo": photo, "decoy": decoy, "recognisers": list(recognisers)}


def test_the_interval_is_wilsons():
    """15 of 15 and 5 of 10, worked out by hand from the formula."""
    assert Rate(15, 15).interval == pytest.approx((0.7961, 1.0), abs=1e-4)
    assert Rate(5, 10).interval == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert Rate(0, 0).interval == (0.0, 1.0) and str(Rate(0, 0)) == "-"


def test_the_interval_holds_the_share_whatever_rounding_does():
    """A plot cannot draw a bar that is shorter than nothing."""
    for rate in (Rate(hits, of) for of in range(1, 60) for hits in range(of + 1)):
        low, high = rate.interval
        assert 0 <= low <= rate.share <= high <= 1


def test_dodging_counts_only_pairs_that_matched_before():
    rows = [row(seen(0.9, 0.4)), row(seen(0.9, 0.6)), row(seen(0.3, 0.1))]
    assert success(judged(rows)) == Rate(1, 2)


def test_a_decoy_counts_when_it_is_taken_for_the_decoy_and_was_not_before():
    ready = {"decoy_before": 0.1, "decoy_after": {"plain": 0.7}}
    rows = [
        row(seen(0.9, 0.4, **ready), decoy="d"),
        row(seen(0.9, 0.4, decoy_before=0.6, decoy_after={"plain": 0.7}), decoy="d"),
    ]
    assert success(judged(rows), decoy=True) == Rate(1, 1)
    assert success(judged(rows)) == Rate(2, 2), "both no longer resemble themselves"


def test_the_lead_counts_in_deviations_of_the_judges_own_impostors():
    """Thresholds two apart in a normal's terms make the deviation .1; .5 - .3 is then two of them."""
    two = {"1e-2": 0.5, "1e-3": 0.5 + 0.1 * (NormalDist().inv_cdf(0.999) - NormalDist().inv_cdf(0.99))}
    pairs = judged([row({**seen(0.9, 0.3), "thresholds": two}), row(seen(0.9, 0.1, threshold=None))])
    assert lead(pairs) == pytest.approx(2.0)


def test_surrogates_and_judges_without_a_threshold_do_not_count():
    rows = [row(seen(0.9, 0.1, role="surrogate"), seen(0.9, 0.1, threshold=None))]
    assert success(judged(rows)) == Rate(0, 0) and len(judged(rows, "surrogate")) == 1


def test_outside_judges_count():
    mine = row() | {"outside": [seen(0.9, 0.1, name="service")]}
    assert success(judged([mine])) == Rate(1, 1)


def test_each_trial_is_read_once_and_a_torn_last_line_is_forgiven(tmp_path):
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps(about(seed=3)), json.dumps(row(seen(1, 0))), json.dumps(row(seen(1, 0.2)))]
    path.write_text("\n".join(lines) + '\n{"method": "m", "held')
    found = read_rows([path])
    assert len(found) == 1 and found[0]["recognisers"][0]["after"]["plain"] == 0.2
    path.write_text("nonsense\n" + "\n".join(lines))
    with pytest.raises(InputError, match=r"Line 1 of rows\.jsonl"):
        read_rows([path])


@pytest.mark.parametrize("content", [b"3\n{}\n", b"[1]\n{}\n", b"\xff\xfe\n{}\n", b"[" * 5000 + b"\n{}\n"])
def test_what_holds_no_results_is_one_sentence(tmp_path, content):
    (tmp_path / "rows.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=r"rows\.jsonl"):
        read_rows([tmp_path / "rows.jsonl"])


def test_a_results_file_says_what_made_it():
    known = about(seed=3)["about"]
    assert known["seed"] == 3 and known["versions"]["torch"] and "cores" in known["machine"]


def test_figures_that_could_not_be_measured_are_left_out_of_means():
    assert mean([1.0, None, float("nan"), 3.0]) == 2.0 and mean([None]) != mean([None])


def test_tables_show_whatever_a_verdict_measured_and_nothing_else():
    """As a later version's, which knows more, beside rows of one that did not; words and absences are no columns."""
    older = row(seen(0.9, 0.4), photo="p") | FIGURES | {"quality": {"psnr": 30.0, "lpips_vgg": None}}
    newer = row(seen(0.9, 0.4), photo="q") | FIGURES | {"quality": {"psnr": 40.0, "paint": 0.4, "where": "chin"}}
    lines = tables([older, newer]).splitlines()
    assert "| method | photos | psnr | paint | landmark shift |" in lines
    assert "| m | 2 | 35.000 | 0.400 | nan |" in lines


def test_tables_hold_every_copy_that_somebody_was_shown():
    """As of a run with purification and one without; a judge who has no threshold takes nothing from the mean."""
    shown = seen(0.9, 0.4) | {"after": {"plain": 0.4, "purified": 0.6}}
    rows = [row(seen(0.9, 0.4), photo="p") | FIGURES, row(shown, photo="q") | FIGURES]
    rows[0]["outside"] = [seen(0.9, 0.1, threshold=None, name="service")]
    lines = tables(rows).splitlines()
    assert "| method | plain | purified |" in lines
    assert f"| m | {Rate(2, 2)} | {Rate(0, 1)} |" in lines
    assert any(line.startswith("| m | **mean of judges** |  |  | 1.000 |") for line in lines)
    assert "| m | 1 | 1 | 1 | 1.0 | - |" in lines
