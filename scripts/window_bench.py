"""See window-bench.sh."""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import window

# From the start of the window until figures count: pairing aside, everything has settled by then.
SETTLE = 4
MEASURE = 10


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def clip(work):
    """Ten seconds of moving texture at 720p30 and about 2.5 Mbit/s, without B pictures: sent as it is, so that the camera
    program costs little and all streams are the same."""
    file = work / "clip.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30,noise=alls=8:allf=t", "-t", "10",
         "-c:v", "libx264", "-profile:v", "baseline", "-preset", "veryfast", "-g", "30", "-b:v", "2500k", "-maxrate",
         "2500k", "-bufsize", "1000k", "-pix_fmt", "yuv420p", str(file)], check=True, stdin=subprocess.DEVNULL)
    return file


def paired(programs, work, streamer):
    """A data folder that knows the streamer."""
    data = work / "viewer"
    subprocess.run([programs / "athome-viewer", "--headless", "--link", streamer.link_file, "--data", data, "--seconds", "0.2",
                    "--json"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return data


def cpu_percent(of, seconds):
    before, start = of(), time.monotonic()
    time.sleep(seconds)
    return 100 * (of() - before) / (time.monotonic() - start)


def bare(programs, data, count):
    """Processor time of a headless viewer, which receives and decodes one of the streams and does nothing else, times their
    number: a second one of the same pairing would take the first one's place."""
    viewer = subprocess.Popen(
        [programs / "athome-viewer", "--headless", "--data", data, "--camera", "Camera 1", "--seconds", "60", "--json"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(SETTLE)
        return count * cpu_percent(lambda: window.cpu(viewer.pid), MEASURE)
    finally:
        viewer.terminate()
        viewer.wait()


def shown(programs, streamer, data, count, size):
    display = window.Display(*size, manager=False)
    try:
        settings = f"window = [{size[0]}.0, {size[1]}.0]\n"
        view = window.Window(programs / "athome-viewer", display, data, settings=settings)
        try:
            window.wait("all cameras", 30, lambda: view.figures and len(view.figures[-1]["cameras"]) == count)
            time.sleep(SETTLE)
            start = len(view.figures)
            before = window.cpu(streamer.process.pid)
            percent = cpu_percent(view.cpu, MEASURE)
            streamed = 100 * (window.cpu(streamer.process.pid) - before) / MEASURE
            lines = view.figures[start:]
            cameras = [camera for line in lines for camera in line["cameras"]]
            middle = lambda of: round(statistics.median(of), 1) if of else None
            per_tile = {}
            for camera in cameras:
                per_tile.setdefault(camera["camera"], []).append(camera["fps"])
            rates = [statistics.mean(rates) for rates in per_tile.values()]
            return {
                "cameras": count, "window": f"{size[0]}x{size[1]}", "app_cpu_percent": round(percent, 1),
                "streamer_cpu_percent": round(streamed, 1),
                "fps_each_tile": [round(rate, 1) for rate in sorted(rates)],
                "paints_a_second": middle([line["paints"] for line in lines]),
                "capture_to_texture_ms": {part: middle([camera["latency_ms"][part] for camera in cameras]) for part in ("p50", "p95")},
                "start_to_first_picture_ms": round(lines[-1]["first_picture_ms"]),
                "memory_mb": round(window.resident_mb(view.process.pid), 1),
            }
        finally:
            view.close()
    finally:
        display.close()


def camera(programs, work, count, file):
    return window.Streamer(programs / "athome-streamer", work / f"home{count}",
                           [(f"Camera {n + 1}", f"file:{file}", None) for n in range(count)])


def costs(programs, work):
    file = clip(work)
    rows = []
    only = [int(n) for n in os.environ.get("CAMERAS", "1 4 9").split()]
    for count in only:
        streamer = camera(programs, work, count, file)
        try:
            folder = work / f"with{count}"
            folder.mkdir()
            data = paired(programs, folder, streamer)
            row = shown(programs, streamer, data, count, (1920, 1080))
            row["bare_decode_cpu_percent"] = round(bare(programs, data, count), 1)
        finally:
            streamer.close()
        say(f"{count} cameras: app {row['app_cpu_percent']} % of a core, bare decoding {row['bare_decode_cpu_percent']} %, "
            f"{row['fps_each_tile']} pictures/s, {row['paints_a_second']} paints/s, capture to texture "
            f"{row['capture_to_texture_ms']} ms, first picture {row['start_to_first_picture_ms']} ms, {row['memory_mb']} MB")
        rows.append(row)
    print(json.dumps({"bench": "window", "rows": rows}))


def memory(programs, work, minutes):
    streamer = camera(programs, work, 4, clip(work))
    display = window.Display(1280, 800, manager=False)
    try:
        data = paired(programs, work, streamer)
        view = window.Window(programs / "athome-viewer", display, data, settings="window = [1280.0, 800.0]\n")
        try:
            window.wait("four cameras", 30, lambda: view.figures and len(view.figures[-1]["cameras"]) == 4)
            samples = []
            for _ in range(minutes * 6):
                time.sleep(10)
                samples.append(round(window.resident_mb(view.process.pid), 1))
            fps = statistics.mean(camera["fps"] for line in view.figures[5:] for camera in line["cameras"])
            # The first two minutes fill pools and caches.
            settled = samples[min(12, len(samples) // 2):]
            growth = statistics.mean(settled[-3:]) - statistics.mean(settled[:3])
            say(f"{minutes} minutes of four cameras: {samples[0]} MB after 10 s, {settled[0]} MB settled, {samples[-1]} MB at the "
                f"end, {fps:.1f} pictures/s in each tile")
            print(json.dumps({"bench": "window-memory", "minutes": minutes, "mb": samples, "growth_mb": round(growth, 1)}))
            # Less than one picture's planes for each camera.
            if growth > 8:
                sys.exit(f"memory grew by {growth:.1f} MB")
        finally:
            view.close()
    finally:
        display.close()
        streamer.close()


def main():
    programs = window.programs()
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        if "--minutes" in sys.argv:
            memory(programs, work, int(sys.argv[sys.argv.index("--minutes") + 1]))
        else:
            costs(programs, work)


main()
