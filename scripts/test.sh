#!/usr/bin/env bash
# Runs every check, goes on after a failure, and says at the end what failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

failed=()
for part in setup-test lint deny test-rust test-page test-browser test-whep microphone-check desktop-check window-check; do
    echo "== $part"
    start=$SECONDS
    if make "$part"; then
        echo "== $part: passed in $((SECONDS - start)) s"
    else
        echo "== $part: FAILED after $((SECONDS - start)) s"
        failed+=("$part")
        # Without its packages nothing else can say anything true.
        [ "$part" = setup-test ] && break
    fi
done

if [ ${#failed[@]} -gt 0 ]; then
    echo "Failed: ${failed[*]}"
    exit 1
fi
echo "All checks passed."
