"""Picture against sound at the window's outputs, while a camera is heard: when each picture of the test card is handed to
the graphics driver, by the card's own clock, and when the beep of each full second leaves the sound server. Run by
speaker-check.sh, in its sound server.

    python3 window_sound.py PROGRAMS DATA

The camera of DATA's pairing shows the test card with its tone. Control: the sound is recorded behind a delay of LATE_MS that
the window knows nothing of, and the figure has to say so."""

import array
import ctypes
import pathlib
import statistics
import subprocess
import sys
import time

import window

RATE, CHUNK = 48_000, 480
RECORD, FLOAT32 = 2, 5
LATE_MS = 150
SECONDS = 8


class Spec(ctypes.Structure):
    _fields_ = [("format", ctypes.c_int), ("rate", ctypes.c_uint32), ("channels", ctypes.c_uint8)]


class Buffer(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("maxlength", "tlength", "prebuf", "minreq", "fragsize")]


def record(source, seconds):
    """Samples, and the wall time of the first. When a sample was heard, the sound server says; one word of its jitters with
    its blocks, so all of them are asked."""
    pulse = ctypes.CDLL("libpulse-simple.so.0")
    pulse.pa_simple_new.restype = ctypes.c_void_p
    pulse.pa_simple_get_latency.restype = ctypes.c_uint64
    pulse.pa_simple_get_latency.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)]
    pulse.pa_simple_read.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_int)]
    pulse.pa_simple_free.argtypes = [ctypes.c_void_p]
    most, error = 2**32 - 1, ctypes.c_int()
    stream = pulse.pa_simple_new(None, b"check", RECORD, source.encode(), b"what is heard", ctypes.byref(Spec(FLOAT32, RATE, 1)),
                                 None, ctypes.byref(Buffer(most, most, most, most, CHUNK * 4)), ctypes.byref(error))
    if not stream:
        sys.exit(f"FAIL: {source} can't be recorded (error {error.value})")
    samples, starts = array.array("f"), []
    while len(samples) < RATE * seconds:
        chunk = ctypes.create_string_buffer(CHUNK * 4)
        if pulse.pa_simple_read(stream, chunk, len(chunk), ctypes.byref(error)) < 0:
            sys.exit(f"FAIL: {source} ended (error {error.value})")
        samples.frombytes(chunk.raw)
        starts.append(time.time() - pulse.pa_simple_get_latency(stream, ctypes.byref(error)) / 1e6 - len(samples) / RATE)
    pulse.pa_simple_free(stream)
    return samples, statistics.median(starts[len(starts) // 4:])


def sound_ms(source):
    """From the full second to the beep that belongs to it, as it is heard."""
    samples, start = record(source, SECONDS)
    # A period of the tone each: 1 ms.
    levels = [max(map(abs, samples[at:at + 48])) for at in range(0, len(samples) - 47, 48)]
    usual = statistics.median(levels)
    if usual < 0.01:
        sys.exit("FAIL: no tone is heard")
    onsets = [at for at in range(50, len(levels)) if levels[at] > usual * 1.5 and max(levels[at - 50:at]) <= usual * 1.5]
    delays = [((start + at / 1000) % 1.0) * 1000 for at in onsets]
    if len(delays) < SECONDS - 2:
        sys.exit(f"FAIL: {len(delays)} beeps in {SECONDS} s")
    return statistics.median(delays)


def main():
    programs, data = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    display = window.Display(900, 640)
    try:
        view = window.Window(programs / "athome-viewer", display, data, settings="window = [800.0, 600.0]\n")
        try:
            window.wait("the camera", 20, lambda: view.figures and view.figures[-1]["cameras"])
            view.key("m")
            # The buffer finds its size, and the pictures how long to wait.
            time.sleep(6)
            offsets = {}
            for source in ("speaker.monitor", "late.monitor"):
                first = len(view.figures)
                sound = sound_ms(source)
                pictures = [camera["latency_ms"]["p50"] for line in view.figures[first:] for camera in line["cameras"]]
                picture = statistics.median(pictures)
                offsets[source] = picture - sound
                print(f"{source}: picture {picture:.1f} ms, sound {sound:.1f} ms after the camera: {picture - sound:+.1f} ms apart")
        finally:
            view.close()
    finally:
        display.close()
    assert abs(offsets["speaker.monitor"]) <= 40, "picture and sound are apart"
    found = offsets["speaker.monitor"] - offsets["late.monitor"]
    assert abs(found - LATE_MS) <= 60, f"the control: a delay of {LATE_MS} ms was measured as {found:.0f} ms"


main()
