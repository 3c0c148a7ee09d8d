#!/usr/bin/env bash
# Uses the real window as a person does, under a display of its own (Xvfb), with four test cameras: pairs by a pasted link and by a
# picture of the code, looks at each camera alone, switches layouts, fills the screen, mutes, takes a picture, records, ends and
# opens again, and loses its graphics driver. Each step reads the screen: the test card's clock and mark say which camera a
# tile shows, and since when. A failure keeps a screenshot. Skips visibly where a program is missing.
#   make window-check
set -euo pipefail
cd "$(dirname "$0")/.."

for program in Xvfb xdotool openbox xclip qrencode ffmpeg ffprobe python3; do
    command -v "$program" >/dev/null || { echo "SKIP: window-check: $program is not installed (make setup-test)"; exit 0; }
done
# The whole workspace, as the tests build it: nothing is compiled twice.
[ $# -gt 0 ] || cargo build -q --locked --workspace --bins --examples
exec python3 scripts/window_check.py "${1:-target/debug}"
