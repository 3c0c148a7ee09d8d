#!/usr/bin/env bash
# What the desktop window costs and how soon it shows, under a display without a graphics card (Xvfb, llvmpipe): 1, 4 and 9
# cameras of 1280x720 at 30 frames/s beside the bare decoding of the same streams in the same run. A table for people on
# standard error, one JSON object on standard output. Skips visibly where Xvfb is missing. About two minutes.
#   scripts/window-bench.sh [FOLDER OF THE PROGRAMS]     the release build's otherwise
#   scripts/window-bench.sh target/release --minutes 10  memory with four cameras over that time instead
set -euo pipefail
cd "$(dirname "$0")/.."
skip() { echo "SKIP: window-bench: $*" >&2; exit 0; }
command -v Xvfb >/dev/null || skip "Xvfb is not installed (apt-get install xvfb)"
command -v xdotool >/dev/null || skip "xdotool is not installed (apt-get install xdotool)"
command -v ffmpeg >/dev/null || skip "ffmpeg is not installed (apt-get install ffmpeg)"
exec python3 scripts/window_bench.py "${@:-target/release}"
