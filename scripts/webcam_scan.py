"""Runs inside webcam-check's guest: a camera program shows its code to a virtual webcam, and the desktop window, under a
display without a graphics card, is asked by two clicks to look for it there. Prints one JSON object.

   webcam_scan.py PROGRAMS DEVICE"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

import window

SIZE = (900, 600)
# Where the buttons lie in a window of that size that knows no camera: "Add a camera", "Show the code to the webcam".
ADD, WEBCAM = (582, 277), (460, 403)


def shown_to(device, link_file, work):
    """A webcam that sees the code as a person holds it: not large, and with a margin."""
    code = work / "code.png"
    subprocess.run(["qrencode", "-o", code, "-s", "6", "-m", "4", "-r", link_file], check=True)
    clip = work / "code.mjpeg"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-loop", "1", "-framerate", "10", "-i", code, "-t", "1", "-vf",
         "scale=360:360:flags=neighbor,pad=1280:720:(ow-iw)/2:(oh-ih)/2:color=gray,noise=alls=6:allf=t", "-c:v", "mjpeg", "-q:v",
         "5", "-pix_fmt", "yuvj420p", "-huffman", "default", "-f", "mjpeg", clip], check=True, stdin=subprocess.DEVNULL)
    return subprocess.Popen(
        ["ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-f", "mjpeg", "-framerate", "10", "-i", clip, "-c", "copy", "-f",
         "v4l2", device], stdin=subprocess.DEVNULL)


def main():
    programs, device = pathlib.Path(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        # An emulated processor draws a few pictures a second.
        window.PATIENCE = 4
        streamer = window.Streamer(programs / "athome-streamer", work / "camera", [("Door", "test:5", "320x180")], fps=5)
        feed = shown_to(device, streamer.link_file, work)
        display = window.Display(*SIZE, manager=False)
        try:
            view = window.Window(programs / "athome-viewer", display, work / "viewer", settings="window = [900.0, 600.0]\n")
            try:
                window.wait("the first figures", 60, lambda: view.figures)
                before = view.figures[-1]["cameras"]
                view.click(*ADD)
                time.sleep(3)
                view.click(*WEBCAM)
                start = time.monotonic()
                window.wait("the camera's picture", 30,
                            lambda: any(camera["fps"] > 0 for camera in view.figures[-1]["cameras"]))
                print(json.dumps({"before": len(before), "paired": view.figures[-1]["cameras"][0]["camera"],
                                  "seconds": round(time.monotonic() - start, 1), "error": None}))
            except window.Failed as why:
                display.screenshot("/mnt/scanned.png")
                print(json.dumps({"error": str(why) + (work / "viewer" / "log").read_text()[-500:]}))
            finally:
                view.close()
        finally:
            display.close()
            feed.terminate()
            feed.wait()
            streamer.close()


main()
