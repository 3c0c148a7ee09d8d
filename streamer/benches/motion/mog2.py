"""OpenCV's MOG2 behind a pipe, for motion's benchmark: pictures in, foreground out.

In: width, height, restart (three little-endian 32-bit numbers), then the luma. Out: for each of MODELS a map of 160x90
bits, the first cell in the lowest bit. With the argument "time" it times itself on pictures of 1280x720 instead.
"""
import struct
import sys
import time

import cv2
import numpy as np

cv2.setNumThreads(1)
# Height of the grid, what createBackgroundSubtractorMOG2 is given, learning rate, median filter on the foreground.
TUNED = dict(history=300, varThreshold=40, detectShadows=True)
MODELS = [(180, {}, -1, 0), (180, TUNED, 0.004, 3), (90, {}, -1, 0), (90, TUNED, 0.004, 3)]


def model(options):
    return cv2.createBackgroundSubtractorMOG2(**options)


def cells(mask, height):
    """Shadows are no foreground; of four fine cells two make a coarse one."""
    mask = (mask == 255).astype(np.uint8)
    if height == 180:
        mask = (mask.reshape(90, 2, 160, 2).sum(axis=(1, 3)) >= 2).astype(np.uint8)
    return np.packbits(mask.reshape(-1), bitorder="little").tobytes()


def serve():
    models = []
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while len(head := source.read(12)) == 12:
        width, height, restart = struct.unpack("<III", head)
        luma = np.frombuffer(source.read(width * height), np.uint8).reshape(height, width)
        if restart:
            models = [model(options) for _, options, _, _ in MODELS]
        small = {h: cv2.resize(luma, (h * 16 // 9, h), interpolation=cv2.INTER_AREA) for h in (180, 90)}
        for mog2, (grid, _, rate, median) in zip(models, MODELS):
            mask = mog2.apply(small[grid], learningRate=rate)
            if median:
                mask = cv2.medianBlur(mask, median)
            sink.write(cells(mask, grid))
        sink.flush()


def pictures():
    """A still scene with noise, and a block that crosses it: as in the benchmark's own timing."""
    random = np.random.default_rng(1)
    x, y = np.meshgrid(np.arange(1280), np.arange(720))
    still = 110 + 50 * np.sin(x / 47.0) + 40 * np.cos(y / 31.0)
    for n in range(64):
        picture = still + random.normal(0, 3, still.shape)
        at = n * 16
        picture[300:460, at : at + 100] = 200 + random.normal(0, 3, picture[300:460, at : at + 100].shape)
        yield np.clip(picture, 0, 255).astype(np.uint8)


def timed():
    frames = list(pictures())
    for grid, options, rate, median in MODELS:
        mog2, times = model(options), []
        for n in range(192):
            luma = frames[n % 64]
            before = time.thread_time_ns()
            small = cv2.resize(luma, (grid * 16 // 9, grid), interpolation=cv2.INTER_AREA)
            mask = mog2.apply(small, learningRate=rate)
            if median:
                mask = cv2.medianBlur(mask, median)
            if n >= 64:
                times.append(time.thread_time_ns() - before)
        times.sort()
        print(times[len(times) // 2] / 1e6)


timed() if sys.argv[1:] == ["time"] else serve()
