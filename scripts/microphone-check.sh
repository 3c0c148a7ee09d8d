#!/usr/bin/env bash
# Plays a 1 kHz tone into a sound server of its own (PulseAudio with a null sink, no hardware) and checks that our
# microphone source hears it. A control hears nothing but silence. Skips visibly where PulseAudio is missing.
#   make microphone-check
set -euo pipefail
cd "$(dirname "$0")/.."

skip() { echo "SKIP: microphone-check: $*"; exit 0; }
command -v pulseaudio >/dev/null || skip "pulseaudio is not installed (apt-get install pulseaudio pulseaudio-utils libasound2-plugins)"
command -v paplay >/dev/null || skip "paplay is not installed (apt-get install pulseaudio-utils)"
[ -f /usr/share/alsa/alsa.conf ] || skip "ALSA's configuration is missing (apt-get install libasound2-data)"
compgen -G '/usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so' >/dev/null ||
    skip "ALSA can't reach PulseAudio (apt-get install libasound2-plugins)"

cargo build -q --locked -p athome-streamer --example capture
capture=$PWD/target/debug/examples/capture

work=$(mktemp -d)
server='' player=''
finish() {
    for pid in $player $server; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

export HOME=$work XDG_RUNTIME_DIR=$work/run PULSE_SERVER=unix:$work/run/pulse/native
mkdir -m 700 "$work/run"
cat >"$work/mic.pa" <<'PA'
load-module module-native-protocol-unix
load-module module-null-sink sink_name=speaker rate=48000 channels=2
load-module module-remap-source source_name=mic master=speaker.monitor
set-default-sink speaker
set-default-source mic
PA
echo 'pcm.!default { type pulse }' >"$work/asound.conf"
export ALSA_CONFIG_PATH=/usr/share/alsa/alsa.conf:$work/asound.conf

pulseaudio -n -F "$work/mic.pa" --exit-idle-time=-1 --daemonize=no --use-pid-file=0 >"$work/pulse.log" 2>&1 &
server=$!
for _ in $(seq 50); do [ -S "$work/run/pulse/native" ] && break; sleep 0.1; done
[ -S "$work/run/pulse/native" ] || { cat "$work/pulse.log"; echo "FAIL: the sound server did not start"; exit 1; }

# 20 s of 1 kHz at half of full scale, 16 bit mono.
python3 - "$work/tone.wav" <<'PY'
import math, struct, sys, wave
with wave.open(sys.argv[1], "wb") as out:
    out.setnchannels(1); out.setsampwidth(2); out.setframerate(48000)
    period = b"".join(struct.pack("<h", round(16384 * math.sin(2 * math.pi * n / 48))) for n in range(48))
    out.writeframes(period * 20000)
PY

# heard AT_LEAST AT_MOST NAME: whether a capture of 4 s hears 1 kHz with an amplitude between the two.
heard() {
    local report
    report=$("$capture" default --mic --seconds 4) || true
    echo "$3: $report"
    python3 - "$report" "$1" "$2" <<'PY'
import json, sys
report, least, most = json.loads(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
assert report["error"] is None, report["error"]
assert least <= report["tone_1khz"] <= most, f'1 kHz with an amplitude of {report["tone_1khz"]}'
assert least == 0 or report["audio_seconds"] > 1.5, f'only {report["audio_seconds"]} s of sound'
PY
}

heard 0 0.01 "control, nothing is played"
paplay "$work/tone.wav" &
player=$!
heard 0.4 0.6 "tone"
echo "microphone-check: passed"
