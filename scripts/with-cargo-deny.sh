#!/usr/bin/env bash
# Runs cargo-deny with the given arguments; builds it first where it is missing (unoptimised: it runs for a second).
set -euo pipefail
if ! cargo deny --version >/dev/null 2>&1; then
    echo "Building cargo-deny, once."
    cargo install --quiet --locked --debug --version 0.20.2 cargo-deny
fi
exec cargo deny --locked --workspace "$@"
