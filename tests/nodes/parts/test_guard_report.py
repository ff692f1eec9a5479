"""What a node says of its guard."""

from __future__ import annotations

from faceveil.nodes.parts.guard_report import guard_report


def test_a_guard_says_whether_it_won_of_each_picture(dlib_recogniser):
    assert guard_report([True], [dlib_recogniser]).startswith("Guarded:")
    lines = guard_report([True, False, None], [dlib_recogniser]).splitlines()
    assert [line.partition(": ")[0] for line in lines] == [f"picture {index} of 3" for index in (1, 2, 3)]
    assert "no face was found" in lines[2] and "did NOT win" in lines[1] and "dlib" in lines[1]
