#!/usr/bin/env bash
# Validates the desktop entry, installs into an empty folder, asks the desktop who opens athome:// links, and uninstalls.
#   make desktop-check
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if command -v desktop-file-validate >/dev/null; then
    desktop-file-validate viewer/desktop/athome-viewer.desktop
    sed 's/^Type=.*/Type=Camera/' viewer/desktop/athome-viewer.desktop >"$work/broken.desktop"
    ! desktop-file-validate "$work/broken.desktop" >/dev/null || { echo "FAIL: a broken entry passed"; exit 1; }
else
    echo "SKIP: desktop-file-validate is not installed (apt-get install desktop-file-utils)"
fi

make -s install PREFIX="$work/usr" BIN=target/debug
for file in bin/athome-streamer bin/athome-viewer bin/athome-signaling share/applications/athome-viewer.desktop \
    share/icons/hicolor/scalable/apps/athome-viewer.svg; do
    [ -s "$work/usr/$file" ] || { echo "FAIL: $file was not installed"; exit 1; }
done
"$work/usr/bin/athome-viewer" --version
if command -v update-desktop-database >/dev/null && command -v gio >/dev/null; then
    handler=$(HOME=$work XDG_DATA_HOME=$work/usr/share XDG_DATA_DIRS=$work PATH=$work/usr/bin:$PATH \
        gio mime x-scheme-handler/athome)
    grep -q athome-viewer.desktop <<<"$handler" || { echo "FAIL: athome:// links open with: $handler"; exit 1; }
else
    echo "SKIP: who opens athome:// links: update-desktop-database or gio is not installed"
fi
make -s uninstall PREFIX="$work/usr"
left=$(find "$work/usr" -name '*athome*')
[ -z "$left" ] || { echo "FAIL: left behind: $left"; exit 1; }
echo "desktop-check: passed"
