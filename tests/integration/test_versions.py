"""What the one command for all versions says and prepares, without running any."""

from __future__ import annotations

from .versions import counted, main, python_for, version_of

REPORT = """<testsuites><testsuite><testcase name="a"/><testcase name="b"><failure>no</failure></testcase>
<testcase name="c"><skipped/></testcase><testcase name="d"><error>no</error></testcase></testsuite></testsuites>"""


def test_a_version_is_read_where_it_is_written(tmp_path):
    assert version_of(tmp_path) == "unknown"
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "ComfyUI"\nversion = "0.3.64"\n')
    assert version_of(tmp_path) == "0.3.64"
    (tmp_path / "comfyui_version.py").write_text('# made\n__version__ = "0.33.0"\n')
    assert version_of(tmp_path) == "0.33.0"


def test_its_own_python_is_taken_unless_another_is_named(tmp_path):
    own = tmp_path / ".venv" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.touch()
    assert python_for(tmp_path, None) == own and str(python_for(tmp_path, "/usr/bin/python3")) == "/usr/bin/python3"


def test_tests_are_counted_and_those_that_failed_are_named(tmp_path):
    (tmp_path / "report.xml").write_text(REPORT)
    count = counted("0.33.0", tmp_path / "report.xml")
    assert count.line() == "ComfyUI 0.33.0: 1 passed, 2 failed, 1 skipped\n  b\n  d"


def test_a_folder_without_a_comfyui_fails_by_name(tmp_path, capsys):
    assert main([str(tmp_path), "--", "-k", "nothing"]) == 1
    assert "there is no ComfyUI in" in capsys.readouterr().out
