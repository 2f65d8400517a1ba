#!/usr/bin/env bash
# Builds the page and tests it in Chromium, with what it needs installed. Exits with 77 where no compiler for
# the browser can be had.
set -euo pipefail
cd "$(dirname "$0")"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
need() {
    for program in $1; do command -v "$program" >/dev/null && return; done
    echo "explorer: installs $2" >&2
    as_root apt-get update -q
    as_root apt-get install -qy --no-install-recommends $2
}
need node "nodejs npm"
need npm npm
[ -n "${CHROMIUM:-}" ] || need "chromium chromium-browser google-chrome" chromium

cargo fmt --check
cargo clippy --all-targets -- -D warnings
cargo test --quiet
./build.sh
# Other flags than those of the browser, in a folder of their own.
CARGO_TARGET_DIR=target/native cargo run --release --quiet --example reference > target/reference.json
node --test --test-reporter=spec test/explorer.test.mjs
