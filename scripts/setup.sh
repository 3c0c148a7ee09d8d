#!/usr/bin/env bash
# Installs what the build (and with "test", the checks) needs from the system's package manager.
#   scripts/setup.sh          for `make run`
#   scripts/setup.sh test     for `make test`: also a browser, Node, media tools and a display without a screen
# On Debian and Ubuntu it uses apt; elsewhere it names what is missing and stops.
set -euo pipefail

build_commands=(g++ make cmake nasm pkg-config)
build_packages=(g++ make cmake nasm pkg-config libclang-dev libasound2-dev)
test_packages=(chromium ffmpeg procps python3-venv iproute2 pulseaudio libasound2-plugins libasound2-data
    dbus gnome-keyring desktop-file-utils libglib2.0-bin
    xvfb xdotool openbox xclip qrencode libgl1 libgl1-mesa-dri libegl1 libx11-xcb1 libxcursor1 libxi6 libxrandr2
    libxkbcommon-x11-0)

missing=()
have_package() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

if command -v apt-get >/dev/null; then
    for p in "${build_packages[@]}"; do have_package "$p" || missing+=("$p"); done
    if [ "${1:-}" = test ]; then
        for p in "${test_packages[@]}"; do have_package "$p" || missing+=("$p"); done
        # Debian 12's Node 18 is enough; a newer one that is already there is left alone.
        node_major=$(node --version 2>/dev/null | sed -E 's/^v([0-9]+).*/\1/' || true)
        [ "${node_major:-0}" -ge 18 ] || missing+=(nodejs)
        command -v npm >/dev/null || missing+=(npm)
    fi
    if [ ${#missing[@]} -gt 0 ]; then
        echo "Installing: ${missing[*]}"
        as_root=()
        if [ "$(id -u)" -ne 0 ]; then
            command -v sudo >/dev/null || { echo "Please install these as root: apt-get install ${missing[*]}" >&2; exit 1; }
            as_root=(sudo)
        fi
        export DEBIAN_FRONTEND=noninteractive
        "${as_root[@]}" apt-get update -qq
        "${as_root[@]}" apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600 "${missing[@]}" >/dev/null
    fi
else
    for c in "${build_commands[@]}"; do command -v "$c" >/dev/null || missing+=("$c"); done
    if [ ${#missing[@]} -gt 0 ]; then
        echo "This system has no apt. Please install: ${missing[*]}, libclang and (on Linux) the ALSA headers." >&2
        exit 1
    fi
fi

if ! command -v cargo >/dev/null; then
    echo "Rust is missing. See https://rustup.rs, then run this again." >&2
    exit 1
fi
