#!/bin/sh
# Checks that owt-core compiles for WebAssembly, where there are no sockets, threads or clock.
#
# Rust's own wasm32 target is used where rustup has it or can get it. Elsewhere Debian's compiler
# builds the standard library from source: its packages are installed if we may, or named.
set -eu
cd "$(dirname "$0")/.."

TARGET=wasm32-unknown-unknown
PACKAGES='rustc-web cargo-web rust-web-src lld'
export CARGO_TARGET_DIR="$PWD/target/wasm"

has_packages() {
    for package in $PACKAGES; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || return 1
    done
}

with_debian() {
    if ! has_packages; then
        if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
            echo "owt: error: there is no Rust for $TARGET here" >&2
            echo >&2
            echo "hint: rustup target add $TARGET, or: apt-get install $PACKAGES" >&2
            exit 1
        fi
        apt-get install --yes --no-install-recommends $PACKAGES
    fi
    # -Zbuild-std is for nightly compilers; RUSTC_BOOTSTRAP opens it on this one.
    RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc RUSTFLAGS=-Clinker=wasm-ld \
        /usr/bin/cargo build --release --target "$TARGET" -Zbuild-std=std,panic_abort \
        --package owt-core
}

if command -v rustup >/dev/null && rustup target add "$TARGET" 2>/dev/null; then
    cargo build --release --target "$TARGET" --package owt-core
else
    with_debian
fi
