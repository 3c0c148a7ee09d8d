"""Plays into PulseAudio without a pause: silence at first; after a SIGUSR1 the test tone, 1 kHz, twice as loud in the first 100 ms of
each full second of wall time, as the test card flashes; after another the same with its beeps LATE_MS too late. Which sample
sounds when is the sound server's own word (pa_simple_get_latency), not a guess. One stream for all, because a sound server
shifts what it records from itself when another begins.

    python3 microphone_player.py LATE_MS

Needs libpulse-simple, which comes with PulseAudio's programs."""

import ctypes
import math
import signal
import statistics
import struct
import sys
import time

RATE = 48_000
PERIOD = 48
# 10 ms.
CHUNK = 480
PLAYBACK, S16LE = 1, 3


class Spec(ctypes.Structure):
    _fields_ = [("format", ctypes.c_int), ("rate", ctypes.c_uint32), ("channels", ctypes.c_uint8)]


class Buffer(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("maxlength", "tlength", "prebuf", "minreq", "fragsize")]


def opened(pulse):
    pulse.pa_simple_new.restype = ctypes.c_void_p
    pulse.pa_simple_get_latency.restype = ctypes.c_uint64
    pulse.pa_simple_get_latency.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)]
    pulse.pa_simple_write.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_int)]
    spec = Spec(S16LE, RATE, 1)
    # Half a second in the server, so that a busy machine makes no gaps: a gap makes late what was written before it.
    buffer = Buffer(2**32 - 1, RATE * 2 // 2, 2**32 - 1, CHUNK * 2, 2**32 - 1)
    error = ctypes.c_int()
    stream = pulse.pa_simple_new(None, b"test tone", PLAYBACK, None, b"tone and beeps", ctypes.byref(spec), None,
                                 ctypes.byref(buffer), ctypes.byref(error))
    if not stream:
        sys.exit(f"the sound server takes no stream (error {error.value})")
    return stream, error


def main():
    late = float(sys.argv[1]) / 1000
    # Silence, tone, late tone.
    part = 0

    def next_part(*_):
        nonlocal part
        part += 1

    signal.signal(signal.SIGUSR1, next_part)
    pulse = ctypes.CDLL("libpulse-simple.so.0")
    stream, error = opened(pulse)
    # Wall times of sample 0 as estimated at the newest chunks; one estimate jitters with the server's blocks.
    starts = []
    sample = 0
    while True:
        sounds_at = time.time() + pulse.pa_simple_get_latency(stream, ctypes.byref(error)) / 1e6
        starts = (starts + [sounds_at - sample / RATE])[-200:]
        start = statistics.median(starts) - (late if part > 1 else 0)
        chunk = bytearray()
        for n in range(sample, sample + CHUNK):
            loudness = 0 if part == 0 else 16384 if (start + n / RATE) % 1.0 < 0.1 else 8192
            chunk += struct.pack("<h", round(loudness * math.sin(2 * math.pi * (n % PERIOD) / PERIOD)))
        if pulse.pa_simple_write(stream, bytes(chunk), len(chunk), ctypes.byref(error)) < 0:
            sys.exit(f"the sound server takes no sound (error {error.value})")
        sample += CHUNK


main()
