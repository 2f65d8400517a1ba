#!/usr/bin/env bash
# Builds the Python package on a clean checkout, and runs its tests, its documentation and its figures.
set -euo pipefail
cd "$(dirname "$0")"

python=""
for name in python3 python3.13 python3.12 python3.11 python3.10 python; do
    if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; then
        python=$name
        break
    fi
done
if [ -z "$python" ]; then
    echo "The tests of the Python package are skipped: there is no Python of version 3.10 or later here."
    exit 0
fi

cargo fmt --check
[ -d .venv ] || "$python" -m venv .venv
. .venv/bin/activate
python -m pip install --quiet --upgrade pip
# As a user does: from the folder alone, into the site packages.
python -m pip install --quiet '.[test]'
cargo clippy --quiet --all-targets -- -D warnings

# The figures, beside those of the README.
for script in gallery/[a-z]*.py; do
    python "$script"
done
package=$(cd / && python -c 'import diagonet, pathlib; print(pathlib.Path(diagonet.__file__).parent)')
python -m pytest --quiet -p no:cacheprovider --doctest-modules tests "$package"
