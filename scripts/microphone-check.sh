#!/usr/bin/env bash
# A microphone without hardware, all the way to a viewer: a sound server of its own (PulseAudio with a null sink) hears 1 kHz, the
# streamer takes it in as its default microphone beside the test card, and the headless viewer has to find the tone in the
# sound that it decodes, as loud as it was, and in step with the picture. Skips visibly where PulseAudio is missing.
#   make microphone-check
#
# Picture against sound: the card flashes in the first 100 ms of each full second, and the player is twice as loud just then. When a
# sample sounds, the sound server says (scripts/microphone_player.py). The viewer compares where flash and beep lie against
# the capture times they came with and takes the median, so the figure holds what capture adds on either side. Two controls:
# silence is played, and no tone may be found; the beeps come 150 ms late, and the figure has to say so.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() { echo "SKIP: microphone-check: $*"; exit 0; }
command -v pulseaudio >/dev/null || skip "pulseaudio is not installed (apt-get install pulseaudio libasound2-plugins)"
command -v python3 >/dev/null || skip "python3 is not installed"
[ -f /usr/share/alsa/alsa.conf ] || skip "ALSA's configuration is missing (apt-get install libasound2-data)"
compgen -G '/usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so' >/dev/null ||
    skip "ALSA can't reach PulseAudio (apt-get install libasound2-plugins)"

# The whole workspace, as the tests build it: nothing is compiled twice.
cargo build -q --locked --workspace
programs=$PWD/target/debug
player=$PWD/scripts/microphone_player.py

work=$(mktemp -d)
server='' playing='' streamer=''
finish() {
    for pid in $playing $streamer $server; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
fail() { echo "FAIL: microphone-check: $1"; cat "${@:2}"; exit 1; }

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

# A sound server runs before other programs wherever it may; what it and the player play must not depend on who else works here.
first() { if [ "$(id -u)" -eq 0 ]; then exec nice -n -11 "$@"; else exec "$@"; fi; }
first pulseaudio -n -F "$work/mic.pa" --exit-idle-time=-1 --daemonize=no --use-pid-file=0 >"$work/pulse.log" 2>&1 &
server=$!
for _ in $(seq 100); do [ -S "$work/run/pulse/native" ] && break; sleep 0.1; done
[ -S "$work/run/pulse/native" ] || fail "the sound server did not start" "$work/pulse.log"

first python3 "$player" 150 &
playing=$!

cat >"$work/athome.toml" <<'TOML'
[webrtc]
stun_servers = []
bind = ["127.0.0.1"]
TOML
"$programs/athome-streamer" --config "$work/athome.toml" --data "$work/data" --listen 127.0.0.1:0 --camera test --size 640x360 \
    --fps 30 --mic default --json >"$work/streamer.jsonl" 2>"$work/streamer.err" &
streamer=$!
link=''
for _ in $(seq 100); do
    link=$(sed -n 's/.*"event":"ready".*"link":"\([^"]*\)".*/\1/p' "$work/streamer.jsonl" | head -n 1)
    [ -n "$link" ] && break
    sleep 0.1
done
[ -n "$link" ] || fail "the streamer did not start" "$work/streamer.err"
(umask 077; printf '%s' "$link" >"$work/link")

# watch NAME CONDITION [FLAG...]: a report of eight seconds, of which the condition must be true.
watch() {
    local name=$1 condition=$2
    shift 2
    "$programs/athome-viewer" --headless "$@" --data "$work/viewer" --seconds 8 --json >"$work/report.json" 2>"$work/viewer.err" ||
        fail "$name: the viewer failed" "$work/viewer.err" "$work/streamer.err"
    python3 - "$work/report.json" "$name" "$condition" <<'PY' || fail "$name" "$work/streamer.err"
import json, sys
report = json.load(open(sys.argv[1]))
tone, level, offset = (report[key] for key in ("audio_tone_hz", "audio_level_dbfs", "av_offset_ms"))
frames, sounds = report["frames_decoded"], report["audio_frames"]
print(f"{sys.argv[2]}: {tone} Hz, {level} dBFS, picture minus sound {offset} ms, {frames} pictures, {sounds} packets of sound")
sys.exit(not eval(sys.argv[3]))
PY
}

watch "control, silence is played" 'frames > 60 and tone is None and offset is None' --link "$work/link"

# -12 dBFS with a tenth of the time at -6: -14.0 dB against a square wave.
kill -USR1 "$playing"
sleep 2
watch "tone and beeps" 'abs(tone - 1000) <= 2 and -17 < level < -12 and sounds > 200 and abs(offset) <= 40'
kill -USR1 "$playing"
sleep 2
watch "control, the beeps come 150 ms late" 'abs(tone - 1000) <= 2 and -190 <= offset <= -110'
echo "microphone-check: passed"
