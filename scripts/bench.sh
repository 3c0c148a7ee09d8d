#!/usr/bin/env bash
# Every benchmark, one after the other: tables for people on standard error, one JSON object for each on standard output.
# Figures that compare are ratios from one run; the machine should do nothing else meanwhile. About twelve minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
for name in encode hub peer relay window system recording; do
    echo "== $name" >&2
    cargo bench --quiet --locked --workspace --bench "$name"
done
echo "== the window: 1, 4 and 9 cameras" >&2
scripts/window-bench.sh target/release
if [ -d web-viewer/node_modules ] && command -v chromium >/dev/null; then
    echo "== Chromium: opening a paired link, capture to shown" >&2
    (cd web-viewer && ONLY=real ATHOME_STREAMER=../target/release/athome-streamer npm run --silent e2e)
else
    echo "SKIP: Chromium or the page's packages are missing (make setup-test); no figures from a browser." >&2
fi
