# What everybody types; https://just.systems runs it.

# The tests that take seconds, by two processes.
quick:
    .ci/shares -m "not slow and not integration"

# The lines of a room that its quick tests never come by.
coverage tests="tests" code=".":
    pytest -q -m "not slow and not integration" {{tests}} --cov={{code}} --cov-report=term-missing:skip-covered

# The same beside the newest torch, or the one that is named.
newest torch="torch":
    .ci/newest "{{torch}}"

# Everything that must hold before a change lands.
all:
    .ci/run

# Lint and format, mending what can be mended.
tidy:
    ruff check --fix .
    ruff format .

# Whether what is shipped agrees with its types.
types:
    .ci/types

# ComfyUI's tests on the versions that are named (folders).
comfy *folders:
    python tests/integration/versions.py {{folders}}

# The documentation's site, at http://127.0.0.1:8000.
docs:
    mkdocs serve
