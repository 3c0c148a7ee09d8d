"""Uses the real window as a person does, under Xvfb: pairs, switches layouts, photographs, records. Each step looks at
something that a person sees; a failure leaves a screenshot. Run by window-check.sh."""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

import window
from window import Failed, wait

# Small and slow: what is checked is what is seen, and other checks may run beside.
WIDTH, HEIGHT, FPS = 320, 180, 10
CARDS = [(name, f"test:{mark}", f"{WIDTH}x{HEIGHT}") for mark, name in enumerate(("Door", "Yard", "Attic", "Boat"), 1)]
SCREEN = (1400, 1050)
SIZE = (1280, 960)
# Points: the list at the left and the bar at the bottom, as ui/view.rs has them.
SIDEBAR, BAR = 264, 45


class Check:
    def __init__(self, programs, work):
        self.programs, self.work = programs, work
        self.opened = []
        self.display = self.keep(window.Display(*SCREEN))

    def open(self):
        self.cards = self.keep(window.Streamer(self.programs / "athome-streamer", self.work / "cards", CARDS, mic="tone", fps=FPS))
        self.pictures = self.work / "pictures"
        settings = f'window = [{SIZE[0]}.0, {SIZE[1]}.0]\nfolder = "{self.pictures}"\nlanguage = "en"\n'
        self.window = self.keep(
            window.Window(self.programs / "athome-viewer", self.display, self.work / "viewer", settings=settings))

    def keep(self, opened):
        self.opened.append(opened)
        return opened

    def close(self):
        for opened in reversed(self.opened):
            opened.close()

    def whole(self, sidebar=SIDEBAR, bar=BAR):
        """Where the pictures are on the screen."""
        left, top, width, height = self.window.place()
        return left + sidebar, top, width - sidebar, height - bar

    def tiles(self, layout, **around):
        whole = self.whole(**around)
        green, stride = self.display.green(), SCREEN[0]
        return [window.tile(green, stride, box) for box in window.boxes(layout, whole)]

    def shows(self, layout, count, **around):
        """The marks of as many test cards as that, each with a clock of just now; None if there are others, or fewer."""
        seen = [tile for tile in self.tiles(layout, **around) if tile]
        fresh = all(-0.1 < window.age_s(clock) < 1 for clock, _ in seen)
        marks = [mark for _, mark in seen]
        return marks if len(seen) == count == len(set(marks) - {None}) and fresh else None

    def clipboard(self, text):
        subprocess.run(["xclip", "-selection", "clipboard"], input=text, text=True, check=True,
                       env=os.environ | self.display.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def files(self, ending):
        return sorted(self.pictures.glob(f"*{ending}"))

    def run(self):
        for step in (self.pairs_by_a_pasted_link, self.a_tile_shows_one_camera_at_a_time, self.one_camera_and_the_grid_again,
                     self.switches_layouts, self.fills_the_screen, self.mutes, self.takes_a_picture, self.records,
                     self.pairs_by_a_picture_of_the_code, self.opens_where_it_was_left, self.comes_back_after_a_lost_driver):
            start = time.monotonic()
            said = step()
            print(f"  {step.__name__.replace('_', ' ')}: {said or 'seen'}, {time.monotonic() - start:.1f} s", flush=True)

    # The steps, in order.

    def pairs_by_a_pasted_link(self):
        self.clipboard(self.cards.link)
        left, _, width, height = self.whole()
        time.sleep(0.5)
        self.window.click(SIDEBAR + width // 2, height // 2 + 10)
        time.sleep(0.5)
        self.window.key("ctrl+v", "Return")
        self.marks = wait("four cameras in the grid, each with its own clock and mark", 20, lambda: self.shows(4, 4))
        if self.marks != [1, 2, 3, 4]:
            raise Failed(f"the cameras stand in another order: {self.marks}")
        return f"marks {self.marks}"

    def a_tile_shows_one_camera_at_a_time(self):
        for _ in range(10):
            marks = [tile and tile[1] for tile in self.tiles(4)]
            for seen, own in zip(marks, self.marks):
                if seen not in (own, None):
                    raise Failed(f"the tile of {own} shows {seen}")
        return "ten times"

    def one_camera_and_the_grid_again(self):
        self.window.key("3")
        wait("the third camera alone", 5, lambda: self.shows(1, 1) == self.marks[2:3])
        self.window.key("Escape")
        wait("the grid again", 5, lambda: self.shows(4, 4) == self.marks)

    def switches_layouts(self):
        for layout in (2, 4):
            self.layout(layout)
            wait(f"{layout} places", 5, lambda: self.shows(layout, layout) == self.marks[:layout])

    def layout(self, places):
        """Clicks the button of a layout: the six stand side by side, in the middle of the bar."""
        x = LAYOUTS[places]
        self.window.click(x, -BAR // 2)

    def fills_the_screen(self):
        self.window.key("f")
        wait("a window as large as the screen", 5, lambda: self.window.place()[2:] == list(SCREEN))
        wait("the cameras in full screen, and nothing else", 8, lambda: self.shows(4, 4, sidebar=0, bar=0) == self.marks)
        self.window.key("Escape")
        wait("a window again", 5, lambda: self.window.place()[2:] == list(SIZE))
        wait("the grid again", 5, lambda: self.shows(4, 4) == self.marks)

    def mutes(self):
        def on():
            text = (self.work / "viewer" / "window.toml").read_text()
            return "on = true" in text
        self.window.key("1", "Escape", "m")
        wait("sound on, as the settings keep it", 5, on)
        self.window.key("m")
        wait("muted", 5, lambda: not on())

    def takes_a_picture(self):
        self.window.key("s")
        file = wait("a picture file", 8, lambda: self.files(".jpg") and self.files(".jpg")[0])
        time.sleep(0.2)
        raw = subprocess.run(["ffmpeg", "-v", "error", "-i", file, "-f", "rawvideo", "-pix_fmt", "gray", "-"], check=True,
                             capture_output=True, stdin=subprocess.DEVNULL).stdout
        if len(raw) != WIDTH * HEIGHT:
            raise Failed(f"{len(raw)} pixels in {file.name}")
        clock, mark = window.clock(raw, WIDTH, 0, 0, WIDTH), window.mark(raw, WIDTH, 0, 0, WIDTH)
        if clock is None or not 0 <= window.age_s(clock) < 10 or mark != self.marks[0]:
            raise Failed(f"{file.name}: clock {clock}, mark {mark} of {self.marks[0]}")
        return f"{file.name}, its clock {window.age_s(clock):.1f} s ago, mark {mark}"

    def records(self):
        self.window.key("r")
        time.sleep(4)
        self.window.key("r")
        file = wait("a recording", 8, lambda: self.files(".mp4") and self.files(".mp4")[0])
        time.sleep(1)
        told = subprocess.run(["ffprobe", "-v", "error", "-count_packets", "-show_entries",
                               "stream=codec_name,nb_read_packets", "-of", "csv=p=0", file], check=True,
                              capture_output=True, text=True).stdout.split()
        # A track without anything in it holds "N/A" packets.
        packets = {codec: int(count) if count.isdigit() else 0 for codec, count in (line.split(",")[:2] for line in told)}
        if packets.get("h264", 0) < 3 * FPS or packets.get("opus", 0) < 150:
            raise Failed(f"{file.name} holds {packets}")
        played = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", file],
                                capture_output=True, text=True)
        if played.returncode or played.stderr:
            raise Failed(f"{file.name} does not play: {played.stderr[:300]}")
        return f"{packets}, muted as it was"

    def pairs_by_a_picture_of_the_code(self):
        cabin = self.keep(window.Streamer(self.programs / "athome-streamer", self.work / "cabin", [("Cabin", "test:77", f"{WIDTH}x{HEIGHT}")], fps=FPS))
        code = self.work / "code.png"
        subprocess.run(["qrencode", "-o", code, "-s", "6", "-r", cabin.link_file], check=True)
        left, top, width, height = self.window.place()
        drop = pathlib.Path(__file__).with_name("window_drop.py")
        subprocess.run([sys.executable, drop, self.window.id, str(left + width // 2), str(top + height // 2), code],
                       check=True, env=os.environ | self.display.env)
        # The dialog closes by itself. A fifth camera makes the grid one of six, in two rows.
        marks = wait("a fifth camera", 20, lambda: self.shows(6, 5))
        if marks != [*self.marks, 77]:
            raise Failed(f"the cameras changed places: {marks}")

    def opens_where_it_was_left(self):
        self.layout(4)
        wait("four places", 5, lambda: self.shows(4, 4) == self.marks)
        time.sleep(1)
        self.window.key("alt+F4")
        if wait("the end of the program", 10, lambda: self.window.process.poll()) != 0:
            raise Failed("the window did not end well: " + (self.work / "viewer" / "log").read_text()[-300:])
        self.window = self.keep(window.Window(self.programs / "athome-viewer", self.display, self.work / "viewer"))
        wait("the grid as it was left", 10, lambda: self.shows(4, 4) == self.marks)
        figures = self.window.figures
        first = wait("figures", 5, lambda: figures and figures[-1]["first_picture_ms"])
        return f"first picture {first:.0f} ms after the start"

    def comes_back_after_a_lost_driver(self):
        self.window.close()
        data = self.work / "viewer"
        self.window = self.keep(window.Window(self.programs / "examples/lost", self.display, data, arguments=[data]))
        wait("the grid", 10, lambda: self.shows(4, 4) == self.marks)
        before = self.window.id
        (data / "lose").touch()
        wait("the loss", 5, lambda: not (data / "lose").exists())
        self.window.id = wait("another window", 10, lambda: (new := self.window.find()) != before and new)
        wait("the grid again", 10, lambda: self.shows(4, 4) == self.marks)


# Middle of each layout's button in the bar, from the window's left edge.
LAYOUTS = {2: 510, 4: 582}


def main():
    programs = window.programs()
    kept = pathlib.Path(os.environ.get("WINDOW_CHECK_KEEP", tempfile.gettempdir())) / "window-check.png"
    with tempfile.TemporaryDirectory() as work:
        check = Check(programs, pathlib.Path(work))
        try:
            check.open()
            check.run()
        except (Failed, subprocess.CalledProcessError) as failed:
            check.display.screenshot(kept)
            print(f"FAIL: window-check: {failed}\nWhat was on the screen: {kept}")
            print((pathlib.Path(work) / "viewer" / "log").read_text()[-2000:])
            sys.exit(1)
        finally:
            check.close()
    print("window-check: passed")


if __name__ == "__main__":
    main()
