#!/usr/bin/env bash
# Builds the page, one file that opens from anywhere: explorer/dist/index.html. Exits with 77 where no
# compiler for the browser can be had.
set -euo pipefail
cd "$(dirname "$0")"

target=wasm32-unknown-unknown
module=target/$target/release/diagonet_explorer.wasm
# The page is made from here, whatever the setting elsewhere.
export CARGO_TARGET_DIR=target
# Lanes of two numbers; all browsers of the last four years have them.
export RUSTFLAGS="-C target-feature=+simd128"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

has_target() { [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; }

# Debian's compiler comes without a standard library for this target, and with its source.
has_debian() { [ -x /usr/bin/cargo ] && [ -x /usr/bin/wasm-ld ] && [ -d /usr/lib/rustlib/src ] && dpkg -s rustc-web cargo-web rust-web-src >/dev/null 2>&1; }

if has_target || { command -v rustup >/dev/null && rustup target add $target; }; then
    cargo build --release --target $target
elif has_debian || { command -v apt-get >/dev/null && as_root apt-get update -q \
    && as_root apt-get install -qy --no-install-recommends rustc-web cargo-web rust-web-src lld; }; then
    RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld \
        /usr/bin/cargo build --release --target $target -Z build-std=std,panic_abort
else
    echo "explorer: no compiler for $target, neither from rustup nor from Debian's packages" >&2
    exit 77
fi

[ -d node_modules ] || npm ci --no-audit --no-fund
npx tsc --noEmit
node page/build.mjs "$module"
