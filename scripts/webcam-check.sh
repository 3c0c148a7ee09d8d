#!/usr/bin/env bash
# Tries the webcam code on real kernel devices without any hardware: boots Debian's kernel in QEMU with two virtual webcams,
#   vivid         YUYV, the kernel's own test driver, as /dev/video0
#   v4l2loopback  720p30 MJPEG, fed by ffmpeg with a clip, as /dev/video5
# and runs our programs in there on the host's files (mounted read-only over 9p). Checked are the list of devices, pictures
# and their rate both ways of reading, a busy device, a stalled one, one that is unplugged and one that is plugged in again;
# and the whole way: a streamer in the guest films each webcam in turn, and a headless viewer out here pairs with it and
# watches. Last, a webcam sees a code, and the desktop window (in there, under Xvfb) finds it by two clicks and pairs.
#
#   make webcam-check
#
# Nothing is installed into the system but packages that apt knows (as root; otherwise they are named and the check skips);
# kernel and modules are unpacked into a cache (ATHOME_CACHE, default ~/.cache/athome-webcam-check). The guest's processor is
# emulated where KVM is missing, so rates are checked and speed is not. Set ATHOME_MEDIA to feed a real clip.
set -euo pipefail
cd "$(dirname "$0")/.."
project=$PWD
cache=${ATHOME_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/athome-webcam-check}
limit=${LIMIT:-600} # seconds for the guest
skip() { echo "SKIP: webcam-check: $*"; exit 0; }
note() { echo "webcam-check: $*"; }

# --- What is needed -------------------------------------------------------------------------------------------------
[ "$(uname -sm)" = "Linux x86_64" ] || skip "it knows Linux on x86_64 only"
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || skip "the kernel comes from Debian's packages, and there is no apt"

install_packages() { # NAME... ; false where that is not possible
    [ "$(id -u)" -eq 0 ] || return 1
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600 "$@" \
        >"$cache/apt.log" 2>&1
}

mkdir -p "$cache"
declare -A package=([qemu-system-x86_64]=qemu-system-x86 [busybox]=busybox-static [cpio]=cpio [depmod]=kmod
    [ffmpeg]=ffmpeg [v4l2-ctl]=v4l-utils [python3]=python3 [Xvfb]=xvfb [xdotool]=xdotool [qrencode]=qrencode)
missing=()
for command in "${!package[@]}"; do
    command -v "$command" >/dev/null || [ -x "/usr/sbin/$command" ] || [ -x "/sbin/$command" ] || missing+=("${package[$command]}")
done
if [ ${#missing[@]} -gt 0 ]; then
    note "installing ${missing[*]}"
    install_packages "${missing[@]}" || skip "these packages are missing: ${missing[*]}"
fi
export PATH=$PATH:/usr/sbin:/sbin

# --- Kernel and modules ---------------------------------------------------------------------------------------------
kernel_package=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n 1)
[ -n "$kernel_package" ] || skip "apt knows no linux-image-amd64 (apt-get update?)"
version=${kernel_package#linux-image-}
tree=$cache/$version
if [ ! -e "$tree/complete" ]; then
    note "unpacking $kernel_package"
    rm -rf "$tree" "$cache/download"
    mkdir -p "$tree" "$cache/download"
    (cd "$cache/download" && apt-get download -qq "$kernel_package" >/dev/null 2>&1) || skip "can't download $kernel_package"
    dpkg-deb -x "$cache/download/$kernel_package"_*.deb "$tree"
    depmod -b "$tree" "$version"
    rm -rf "$cache/download"
    touch "$tree/complete"
fi

# v4l2loopback is no part of the kernel: built here, and left out (visibly) where that can't be.
loopback=$tree/v4l2loopback.ko
build_loopback() {
    local headers=/lib/modules/$version/build
    [ -d "$headers" ] || install_packages "linux-headers-$version" make gcc || return 1
    rm -rf "$cache/loopback"
    mkdir -p "$cache/loopback"
    (cd "$cache/loopback" && apt-get download -qq v4l2loopback-dkms >/dev/null 2>&1 && dpkg-deb -x v4l2loopback-dkms_*.deb .) || return 1
    local source
    source=$(echo "$cache"/loopback/usr/src/v4l2loopback-*)
    make -s -C "$headers" M="$source" modules >"$cache/loopback.log" 2>&1 && cp "$source/v4l2loopback.ko" "$loopback"
}
if [ ! -e "$loopback" ]; then
    note "building v4l2loopback"
    build_loopback || note "SKIP: the MJPEG webcam: v4l2loopback can't be built ($cache/loopback.log)"
fi

# --- The guest's first programs: busybox, modules in order of need, a start script -----------------------------------
image=$cache/image
rm -rf "$image"
mkdir -p "$image"/{bin,modules,proc,sys,dev,root}
cp "$(command -v busybox)" "$image/bin/busybox"
for module in virtio_pci virtio_net 9pnet_virtio 9p vivid ${loopback:+videodev}; do
    modprobe -d "$tree" -S "$version" --show-depends "$module" 2>/dev/null
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
    cp "$file" "$image/modules/"
    basename "$file" >>"$image/modules/order"
done
if [ -e "$loopback" ]; then
    cp "$loopback" "$image/modules/"
    echo v4l2loopback.ko >>"$image/modules/order"
fi
cat >"$image/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do
    case $module in
    vivid.ko) insmod /modules/$module n_devs=1 node_types=0x1 num_inputs=1 input_types=0x00 ;;
    v4l2loopback.ko) insmod /modules/$module video_nr=5 card_label=Loop exclusive_caps=1 ;;
    *) insmod /modules/$module ;;
    esac
done </modules/order
ip link set lo up
ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro host /root
for folder in proc sys dev; do mount --move /$folder /root/$folder; done
for folder in tmp run mnt; do /bin/busybox mount -t tmpfs none /root/$folder; done
/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,cache=none results /root/mnt
/bin/busybox chroot /root /bin/bash /mnt/job.sh </root/dev/null >/root/mnt/job.log 2>&1
/bin/busybox sync
/bin/busybox poweroff -f
INIT
chmod +x "$image/init"
(cd "$image" && find . | cpio -o -H newc --quiet | gzip -1) >"$cache/image.gz"

# --- What runs in there ---------------------------------------------------------------------------------------------
cargo build -q --locked --workspace --bins --examples
results=$cache/results
rm -rf "$results"
mkdir -p "$results"
# The guest hides the host's /tmp, and sees the project where it is; both programs are copied next to the job.
cp target/debug/examples/capture target/debug/athome-streamer target/debug/athome-viewer "$results/"
clip=${ATHOME_MEDIA:-$project/../shared/media}/dvrscan_traffic_camera.mp4
if [ -f "$clip" ]; then input=(-t 10 -i "$clip"); else input=(-f lavfi -t 10 -i testsrc2=size=1280x720:rate=30); fi
ffmpeg -v error -y "${input[@]}" -an -vf fps=30,scale=1280:720 -c:v mjpeg -q:v 5 -huffman default -f mjpeg "$results/clip.mjpeg"

echo "PROJECT='$project'" >"$results/job.sh"
cat >>"$results/job.sh" <<'JOB'
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/tmp
cd /mnt
# try NAME ARGUMENT...: one report of capture in a file of its own
try() { local name=$1; shift; ./capture "$@" >"$name.json" 2>"$name.err"; }

./athome-streamer cameras --json >list.json 2>list.err
try vivid webcam:0 --size 640x480 --fps 25 --seconds 5
try vivid_small /dev/video0 --size 320x180 --fps 30 --seconds 4
try portable webcam:0 --portable --size 640x480 --fps 25 --seconds 5
try missing webcam:9 --seconds 3

# show NAME CAMERA SIZE: watched from outside until the viewer out there is done.
show() {
    ./athome-streamer --data "/tmp/$1" --camera "$2" --size "$3" --mic none --json >"$1.jsonl" 2>"$1.log" &
    local streamer=$!
    for _ in $(seq 240); do [ -e "/mnt/$1.watched" ] && break; sleep 0.5; done
    kill -TERM $streamer
    wait $streamer
}
show outside webcam:0 320x180

./capture webcam:0 --seconds 6 >/dev/null 2>&1 &
sleep 2
try busy webcam:0 --seconds 3
wait

( sleep 4; v4l2-ctl -d /dev/video0 -c disconnect=1 ) >/mnt/unplug.log 2>&1 &
try unplugged webcam:0 --seconds 12
wait

# Plugged in again: vivid's disconnect takes the device away until its last user lets go of it, and then puts it back. The
# streamer that films it is to notice both by itself.
said() { for _ in $(seq 120); do [ "$(grep -c "$1" replug.jsonl)" -ge "$2" ] && return; sleep 0.5; done; return 1; }
./athome-streamer --data /tmp/replug --camera webcam:0 --size 320x180 --mic none --listen 127.0.0.1:0 --json >replug.jsonl 2>replug.log &
streamer=$!
said camera_online 1 && v4l2-ctl -d /dev/video0 -c disconnect=1 && said camera_offline 1 && said camera_online 2
echo "{\"found_again\": $([ $? = 0 ] && echo true || echo false)}" >replug.json
kill -TERM $streamer
wait $streamer

if [ -e /dev/video5 ]; then
    ffmpeg -v error -re -stream_loop -1 -f mjpeg -framerate 30 -i clip.mjpeg -c copy -f v4l2 /dev/video5 >/mnt/feed.log 2>&1 &
    feed=$!
    # It turns into a webcam once somebody feeds it; starting ffmpeg takes its time in an emulated machine.
    for _ in $(seq 60); do v4l2-ctl -d /dev/video5 --info 2>/dev/null | grep -q 'Video Capture' && break; sleep 0.5; done
    sleep 1
    ./athome-streamer cameras --json >list_fed.json 2>list_fed.err
    try mjpeg webcam:5 --seconds 6
    try mjpeg_portable webcam:5 --portable --seconds 6
    show outside_mjpeg webcam:5 1280x720
    ( sleep 4; kill -STOP $feed ) &
    try stalled webcam:5 --seconds 20
    kill -KILL $feed
    wait $feed

    # The desktop window looks for a code with the only webcam there is.
    if command -v Xvfb >/dev/null; then
        rmmod vivid
        python3 "$PROJECT/scripts/webcam_scan.py" /mnt /dev/video5 >scanned.json 2>scanned.err
    fi
fi
echo done >/mnt/complete
JOB

accelerator=tcg,thread=multi
processor=max
# A /dev/kvm alone says little: some hosts' starts only kernels made for it.
if [ -w /dev/kvm ] && { [ -d /sys/module/kvm_intel ] || [ -d /sys/module/kvm_amd ]; }; then
    accelerator=kvm
    processor=host
fi
# The viewer out here: the guest's port 8080 is forwarded; pictures come from the guest to us through its NAT.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# watch_from_outside NAME: pairs and watches once the streamer in there is ready.
watch_from_outside() {
    local name=$1 link=""
    for _ in $(seq "$limit"); do
        link=$(sed -n 's/.*"link":"\(http[^"]*\)".*/\1/p' "$results/$name.jsonl" 2>/dev/null | head -n 1 || true)
        [ -n "$link" ] && break
        sleep 1
    done
    if [ -n "$link" ]; then
        (umask 077; printf '%s' "$link" | sed -E "s#//[^/]+/#//127.0.0.1:$port/#" >"$results/link")
        target/debug/athome-viewer --headless --link "$results/link" --data "$results/viewer-$name" --seconds 10 --json \
            >"$results/$name.json" 2>"$results/$name.err" || true
    fi
    touch "$results/$name.watched"
}
{ watch_from_outside outside; watch_from_outside outside_mjpeg; } &
watcher=$!
trap 'kill $watcher 2>/dev/null || true' EXIT
note "booting $version ($accelerator)"
timeout "$limit" qemu-system-x86_64 -accel "$accelerator" -cpu "$processor" -smp 2 -m 1024 -nodefaults -no-reboot -display none \
    -kernel "$tree/boot/vmlinuz-$version" -initrd "$cache/image.gz" \
    -append "console=ttyS0 quiet panic=-1 mitigations=off" -serial "file:$cache/console.log" \
    -nic "user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:$port-:8080" \
    -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
    -virtfs "local,path=$results,mount_tag=results,security_model=none" || note "the guest ended with status $?"
if [ ! -e "$results/complete" ]; then
    tail -n 20 "$cache/console.log" "$results/job.log" 2>/dev/null || true
    echo "FAIL: webcam-check: the guest did not finish"
    exit 1
fi

# --- What it should be ----------------------------------------------------------------------------------------------
python3 - "$results" <<'PY'
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
failed = []

def check(name, what):
    file = folder / f"{name}.json"
    if not file.exists():
        print(f"SKIP: {name}: the device is missing")
        return
    text = file.read_text()
    try:
        report = json.loads(text)
        problem = what(report)
    except (ValueError, KeyError, TypeError) as why:
        report, problem = None, f"{why!r} in {text!r} {(folder / f'{name}.err').read_text()!r}"
    shown = report and {key: report[key] for key in
        ("cameras", "frames", "frames_decoded", "bitrate_bps", "path", "fps", "format", "width", "height", "longest_gap_ms", "seconds", "error") if key in report}
    for camera in (shown or {}).get("cameras", ()):
        camera["formats"] = len(camera["formats"])
    print(f"{'FAIL' if problem else 'ok  '}: {name}: {problem or ''} {json.dumps(shown)}")
    if problem:
        failed.append(name)

def listed(report):
    found = {camera["path"]: {offer["format"] for offer in camera["formats"]} for camera in report["cameras"]}
    if "YUYV" not in found.get("/dev/video0", ()):
        return "vivid is not listed with YUYV"

def listed_fed(report):
    found = [offer for camera in report["cameras"] if camera["path"] == "/dev/video5" for offer in camera["formats"]]
    if not any((offer["format"], offer["width"], offer["height"]) == ("MJPEG", 1280, 720) for offer in found):
        return "the fed device is not listed with 720p MJPEG"

def pictures(kind, size, fps):
    def what(report):
        if report["error"]:
            return "it failed"
        if (report["format"], report["width"], report["height"]) != (kind, *size):
            return "another format"
        if not 0.7 * fps <= report["fps"] <= 1.1 * fps:
            return f"not {fps} frames a second"
    return what

def refused(reason, least=0.0, most=1e9):
    def what(report):
        if not report["error"] or report["error"].get("reason") != reason:
            return f"not refused as {reason}"
        if not least <= report["seconds"] <= most:
            return f"after {report['seconds']:.1f} s"
    return what

def watched(least, size):
    def what(report):
        if report["frames_decoded"] < least:
            return "too few pictures arrived"
        if (report["width"], report["height"]) != size:
            return "another size"
    return what

def found_again(report):
    if not report["found_again"]:
        return f"no picture after it was plugged in again: {(folder / 'replug.jsonl').read_text()!r}"

def scanned(report):
    if report["error"] or report["before"] or report["paired"] != "door":
        return "the window did not find the code and pair"

check("list", listed)
check("vivid", pictures("Yuyv", (640, 480), 25))
check("vivid_small", pictures("Yuyv", (320, 180), 30))
check("portable", pictures("Yuyv", (640, 480), 25))
check("missing", refused("gone"))
check("outside", watched(50, (320, 180)))
check("busy", refused("busy"))
check("unplugged", refused("gone", 1, 8))
check("replug", found_again)
check("list_fed", listed_fed)
check("mjpeg", pictures("Mjpeg", (1280, 720), 30))
check("mjpeg_portable", pictures("Mjpeg", (1280, 720), 30))
# An emulated processor decodes and encodes 720p slowly: what matters here is that the pictures are the camera's.
check("outside_mjpeg", watched(10, (1280, 720)))
check("stalled", refused("stalled", 7, 14))
check("scanned", scanned)
if failed:
    sys.exit(f"FAIL: webcam-check: {', '.join(failed)}")
print("webcam-check: passed")
PY
