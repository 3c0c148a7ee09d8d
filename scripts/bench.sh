#!/usr/bin/env bash
# Every benchmark, one after the other: tables for people on standard error, one JSON object for each on standard output.
# Figures that compare are ratios from one run; the machine should do nothing else meanwhile. About fourteen minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
# Motion is compared with OpenCV's MOG2 where that can be had, and judged on real clips where ATHOME_CLIPS names their folder.
opencv=target/opencv/bin/python
if [ ! -x "$opencv" ] || ! "$opencv" -c 'import cv2' 2>/dev/null; then
    { python3 -m venv target/opencv && "$opencv" -m pip install --quiet opencv-python-headless==5.0.0.93; } >&2 ||
        echo "SKIP: OpenCV could not be installed (python3-venv and a network are needed)." >&2
fi
export ATHOME_OPENCV_PYTHON=$PWD/$opencv
for name in encode hub motion peer relay window system recording past; do
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
