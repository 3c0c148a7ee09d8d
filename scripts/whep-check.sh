#!/usr/bin/env bash
# Lets a WebRTC client that is not ours (aiortc) watch through WHEP. Its Python packages live in target/whep-venv.
set -euo pipefail
cd "$(dirname "$0")/.."
streamer=${1:-target/debug/athome-streamer}
venv=target/whep-venv
if [ ! -e "$venv/.installed" ]; then
    python3 -m venv "$venv"
    if ! "$venv/bin/pip" --quiet install 'aiortc==1.16.0' 'aiohttp>=3.10,<4'; then
        echo "SKIP: aiortc could not be installed from PyPI; the WHEP endpoint was not tried with an independent client."
        exit 0
    fi
    touch "$venv/.installed"
fi
exec timeout 120 "$venv/bin/python" tests/whep_aiortc.py "$streamer"
