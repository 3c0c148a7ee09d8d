"""The desktop window under a display of its own (Xvfb): starts a camera and the window, types, clicks, and reads the
screen. For window_check.py and window_bench.py, which are programs; this is not one."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

CELLS = 40
# By how much longer everything may take: an emulated processor is slow.
PATIENCE = 1


class Failed(Exception):
    """Something that should be on the screen is not."""


def wait(what, seconds, look):
    """Looks until something is there; what it was that never came."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        found = look()
        if found or found == 0 and found is not False:
            return found
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds * PATIENCE} s")
        time.sleep(0.05)


class Display:
    """Xvfb on a free number, with a window manager where one is installed."""

    def __init__(self, width, height, manager=True):
        self.size = (width, height)
        reader, writer = os.pipe()
        self.server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp", "-noreset"],
            pass_fds=[writer], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(writer)
        with os.fdopen(reader) as told:
            number = told.readline().strip()
        if not number:
            raise Failed("Xvfb did not start")
        self.name = f":{number}"
        self.env = {"DISPLAY": self.name, "LIBGL_ALWAYS_SOFTWARE": "1"}
        self.manager = None
        if manager:
            # Without frames, whose size xdotool counts twice; Alt+F4 closes a window as its button would.
            self.rules = tempfile.NamedTemporaryFile("w", suffix=".xml")
            self.rules.write('<openbox_config xmlns="http://openbox.org/3.4/rc"><applications><application name="*" class="*">'
                             '<decor>no</decor></application></applications><keyboard><keybind key="A-F4">'
                             '<action name="Close"/></keybind></keyboard></openbox_config>')
            self.rules.flush()
            self.manager = subprocess.Popen(["openbox", "--sm-disable", "--config-file", self.rules.name],
                                            env=os.environ | self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def grab(self, *to):
        return subprocess.run(
            ["ffmpeg", "-v", "error", "-f", "x11grab", "-draw_mouse", "0", "-video_size", "{}x{}".format(*self.size),
             "-i", self.name, "-frames:v", "1", *to], check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout

    def screenshot(self, file):
        self.grab("-y", str(file))

    def green(self):
        """The screen's green plane: brightness, as far as black and white go."""
        return self.grab("-f", "rawvideo", "-pix_fmt", "rgb24", "-")[1::3]

    def xdotool(self, *arguments):
        done = subprocess.run(["xdotool", *map(str, arguments)], env=os.environ | self.env, capture_output=True, text=True)
        return done.stdout.strip()

    def close(self):
        for process in (self.manager, self.server):
            if process:
                process.terminate()
                process.wait()


class Streamer:
    """A camera program with these cameras: (name, source, size)."""

    def __init__(self, program, folder, cameras, mic="none", fps=30):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        lines = ['[webrtc]', 'stun_servers = []', 'bind = ["127.0.0.1"]']
        for at, (name, source, size) in enumerate(cameras):
            lines += ["[[camera]]", f'name = "{name}"', f'source = "{source}"', f'audio = "{mic if at == 0 else "none"}"']
            lines += [f'size = "{size}"', f"fps = {fps}"] if size else []
        (self.folder / "athome.toml").write_text("\n".join(lines) + "\n")
        self.lines = open(self.folder / "lines", "w+")
        self.process = subprocess.Popen(
            [program, "--json", "--config", str(self.folder / "athome.toml"), "--data", str(self.folder / "data"),
             "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"],
            stdout=self.lines, stderr=open(self.folder / "log", "w"))
        self.link = wait("the streamer's link", 30, self.ready)
        file = self.folder / "link"
        file.touch(mode=0o600)
        file.write_text(self.link)
        self.link_file = file

    def ready(self):
        if self.process.poll() is not None:
            raise Failed("the streamer ended: " + (self.folder / "log").read_text()[-500:])
        for line in (self.folder / "lines").read_text().splitlines():
            event = json.loads(line)
            if event.get("event") == "ready":
                return event["link"]
        return None

    def close(self):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.lines.close()


class Window:
    """athome-viewer on a display; its figures are read as they come."""

    def __init__(self, program, display, data, env=None, settings=None, arguments=None):
        self.display, self.data = display, pathlib.Path(data)
        self.data.mkdir(parents=True, exist_ok=True)
        if settings is not None:
            (self.data / "window.toml").write_text(settings)
        self.log = open(self.data / "log", "w")
        # Not the person's own desktop: neither its keyring nor its notifications.
        env = os.environ | display.env | {"LANG": "C.UTF-8", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent", "WAYLAND_DISPLAY": ""} | (env or {})
        self.process = subprocess.Popen([program, *(arguments or ["--json", "--data", str(self.data)])], env=env, text=True,
                                        stdout=subprocess.PIPE, stderr=self.log)
        self.figures = []
        threading.Thread(target=self._read, daemon=True).start()
        self.id = wait("the window", 30, self.find)

    def _read(self):
        for line in self.process.stdout:
            self.figures.append(json.loads(line))

    def find(self):
        if self.process.poll() is not None:
            raise Failed("the window ended: " + (self.data / "log").read_text()[-500:])
        found = self.display.xdotool("search", "--onlyvisible", "--pid", self.process.pid, "--name", "^AtHome$")
        return found.splitlines()[-1] if found else None

    def place(self):
        """Left, top, width and height of what the window draws into."""
        told = self.display.xdotool("getwindowgeometry", "--shell", self.id)
        values = dict(re.findall(r"(\w+)=(-?\d+)", told))
        return [int(values[name]) for name in ("X", "Y", "WIDTH", "HEIGHT")]

    def key(self, *keys):
        self.display.xdotool("windowfocus", "--sync", self.id)
        for key in keys:
            self.display.xdotool("key", key)
            time.sleep(0.05)

    def click(self, x, y):
        left, top, width, height = self.place()
        self.display.xdotool("mousemove", left + (x if x >= 0 else width + x), top + (y if y >= 0 else height + y))
        time.sleep(0.1)
        self.display.xdotool("click", 1)

    def cpu(self):
        """Seconds of processor time so far."""
        return cpu(self.process.pid)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


def cpu(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def row(green, stride, left, top, width, number, cells):
    """The bits of a row of cells of a test card whose picture lies there; None where they are no clear black and white."""
    side = width / CELLS
    y = int(top + (number + 0.5) * side)
    samples = [green[at] if (at := y * stride + int(left + (cell + 0.5) * side)) < len(green) else 128 for cell in range(cells)]
    if any(40 < sample < 210 for sample in samples):
        return None
    return sum((sample > 128) << (cells - 1 - at) for at, sample in enumerate(samples))


def clock(green, stride, left, top, width):
    """Unix time in tenths of a millisecond, modulo 2^32."""
    bits = row(green, stride, left, top, width, 0, CELLS)
    if bits is None:
        return None
    v = bits >> 8
    return v if (v ^ v >> 8 ^ v >> 16 ^ v >> 24 ^ 0xA5) & 0xFF == bits & 0xFF else None


def mark(green, stride, left, top, width):
    bits = row(green, stride, left, top, width, 1, 16)
    return bits >> 8 if bits is not None and (bits >> 8) ^ 0xFF == bits & 0xFF else None


def tile(green, stride, box):
    """The test card in a place of the grid (left, top, width, height): its clock and mark. The picture has 16:9 and is
    as wide as the place or as high; where exactly it begins is found by reading."""
    left, top, width, height = box
    wide = min(width, height * 16 / 9)
    x = left + (width - wide) / 2
    side = wide / CELLS
    lines = {}
    for y in range(int(top - side), int(top + height - wide * 9 / 16 + side)):
        seen = clock(green, stride, x, y, wide)
        if seen is not None:
            lines.setdefault(seen, []).append(y)
    if len(lines) != 1:
        return None
    # The row of cells is as high as a cell is wide: the middle of where it reads is where the picture begins.
    [(seen, found)] = lines.items()
    return seen, mark(green, stride, x, (found[0] + found[-1]) / 2, wide)


def boxes(layout, whole, gap=4):
    """The places of a grid, as ui/grid.rs has them."""
    left, top, width, height = whole
    columns, rows = {1: (1, 1), 2: (2, 1), 4: (2, 2), 6: (3, 2), 9: (3, 3)}[layout]
    w, h = (width - gap * (columns - 1)) / columns, (height - gap * (rows - 1)) / rows
    return [(left + c * (w + gap), top + r * (h + gap), w, h) for r in range(rows) for c in range(columns)]


def age_s(ticks):
    now = int(time.time() * 10_000) % 2**32
    return ((now - ticks + 2**31) % 2**32 - 2**31) / 10_000


def programs():
    """The folder of the programs, from the command line or the development build."""
    root = pathlib.Path(__file__).resolve().parent.parent
    return root / (sys.argv[1] if len(sys.argv) > 1 else "target/debug")
