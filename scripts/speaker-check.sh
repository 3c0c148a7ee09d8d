#!/usr/bin/env bash
# Plays a camera's 1 kHz test tone through the viewer's loudspeaker into a sound server of its own (PulseAudio with a null
# sink, no hardware), records what comes out, and measures it. Control: muted, nothing comes out. Then the window itself, and
# how far its pictures and its sound are apart; control: a delay of 150 ms behind its back is found. Skips visibly where
# PulseAudio is missing, or the window's display.
#   make speaker-check
set -euo pipefail
cd "$(dirname "$0")/.."

skip() { echo "SKIP: speaker-check: $*"; exit 0; }
command -v pulseaudio >/dev/null || skip "pulseaudio is not installed (apt-get install pulseaudio pulseaudio-utils libasound2-plugins)"
command -v parec >/dev/null || skip "parec is not installed (apt-get install pulseaudio-utils)"
[ -f /usr/share/alsa/alsa.conf ] || skip "ALSA's configuration is missing (apt-get install libasound2-data)"
compgen -G '/usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so' >/dev/null ||
    skip "ALSA can't reach PulseAudio (apt-get install libasound2-plugins)"

streamer=${1:-$PWD/target/debug/athome-streamer}
# The whole workspace, as the tests build it: nothing is compiled twice.
cargo build -q --locked --workspace --bins --examples
listen=$PWD/target/debug/examples/listen

work=$(mktemp -d)
server='' camera='' recorder=''
finish() {
    for pid in $recorder $camera $server; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

export HOME=$work XDG_RUNTIME_DIR=$work/run PULSE_SERVER=unix:$work/run/pulse/native
mkdir -m 700 "$work/run"
cat >"$work/speaker.pa" <<'PA'
load-module module-native-protocol-unix
load-module module-null-sink sink_name=speaker rate=48000 channels=2
load-module module-null-sink sink_name=late rate=48000 channels=2
load-module module-loopback source=speaker.monitor sink=late latency_msec=150
set-default-sink speaker
PA
echo 'pcm.!default { type pulse }' >"$work/asound.conf"
export ALSA_CONFIG_PATH=/usr/share/alsa/alsa.conf:$work/asound.conf

pulseaudio -n -F "$work/speaker.pa" --exit-idle-time=-1 --daemonize=no --use-pid-file=0 >"$work/pulse.log" 2>&1 &
server=$!
for _ in $(seq 50); do [ -S "$work/run/pulse/native" ] && break; sleep 0.1; done
[ -S "$work/run/pulse/native" ] || { cat "$work/pulse.log"; echo "FAIL: the sound server did not start"; exit 1; }

"$streamer" --json --camera test --mic tone --size 320x180 --data "$work/home" --listen 127.0.0.1:0 --api 127.0.0.1:0 \
    >"$work/camera.log" 2>"$work/camera.err" &
camera=$!
for _ in $(seq 100); do grep -q '"event":"ready"' "$work/camera.log" && break; sleep 0.1; done
grep -q '"event":"ready"' "$work/camera.log" || { cat "$work/camera.err"; echo "FAIL: the camera did not start"; exit 1; }
python3 - "$work" <<'PY'
import json, sys
ready = [json.loads(line) for line in open(sys.argv[1] + "/camera.log") if '"ready"' in line][0]
with open(sys.argv[1] + "/link", "w") as out:
    out.write(ready["link"] + "\n")
PY

# A code pairs one device: muted and loud are two parts of one session, 8 s each.
parec --device=speaker.monitor --format=float32le --rate=48000 --channels=1 --latency-msec=20 >"$work/heard.raw" &
recorder=$!
report=$("$listen" "$work/viewer" 16 1 <"$work/link" 2>"$work/listen.err") || { cat "$work/listen.err"; exit 1; }
kill "$recorder"; wait "$recorder" 2>/dev/null || true
recorder=''
echo "$report"

python3 - "$work/heard.raw" "$report" <<'PY'
import array, json, math, sys
report, sound = json.loads(sys.argv[2]), array.array("f")
raw = open(sys.argv[1], "rb").read()
sound.frombytes(raw[: len(raw) // 4 * 4])

def amplitude(block, hz):
    real = sum(s * math.cos(2 * math.pi * hz * n / 48000) for n, s in enumerate(block))
    imaginary = sum(s * math.sin(2 * math.pi * hz * n / 48000) for n, s in enumerate(block))
    return 2 * math.hypot(real, imaginary) / len(block)

# Blocks of 100 ms, as they came out: silence (muted), then the tone.
blocks = [sound[n : n + 4800] for n in range(0, len(sound) - 4799, 4800)]
loud = [n for n, block in enumerate(blocks) if max(map(abs, block)) > 0.005]
assert loud, "nothing was heard at all"
tone = blocks[loud[0] + 5 : loud[-1] - 5]
muted = blocks[max(0, loud[0] - 30) : loud[0]]
# The loudspeaker may play half a percent faster or slower while its buffer finds its length.
levels = sorted(max(amplitude(block, hz) for hz in (995, 997.5, 1000, 1002.5, 1005)) for block in tone)
others = max(amplitude(block, 1370) for block in tone[::5])
print(f"tone: {len(tone) / 10:.1f} s, 1 kHz with an amplitude of {levels[0]:.3f} to {levels[-1]:.3f}, median {levels[len(levels) // 2]:.3f}; 1370 Hz {others:.3f}")
print(f"control, muted: {len(muted) / 10:.1f} s with an amplitude of {max(max(map(abs, b)) for b in muted) if muted else None}")
assert len(tone) > 50, "the tone broke off"
assert all(0.2 <= level <= 0.55 for level in levels[2:-2]), "1 kHz at another level than was sent"
assert others < levels[len(levels) // 2] / 5, "more than the tone is heard"
assert len(muted) >= 20 and all(max(map(abs, block)) == 0 for block in muted), "muted is not silent"
assert report["pictures"] > 100 and report["underruns"] <= 2, report
assert abs(report["av_offset_ms"]) <= 40, "picture and sound are apart"
PY

if command -v Xvfb >/dev/null && command -v xdotool >/dev/null; then
    python3 scripts/window_sound.py "$PWD/target/debug" "$work/viewer"
else
    echo "SKIP: speaker-check: Xvfb or xdotool is missing; the window's pictures were not held against its sound"
fi
echo "speaker-check: passed"
