"""Drops a file on a window, as a file manager does (XDND 5, by Xlib's own calls).

    DISPLAY=:7 python3 window_drop.py WINDOW X Y FILE

X and Y are on the screen. Ends with 1 if the window does not take it within five seconds."""

import ctypes
import pathlib
import sys
import time

CLIENT_MESSAGE, SELECTION_REQUEST, SELECTION_NOTIFY = 33, 30, 31
C = ctypes
HEAD = [("type", C.c_int), ("serial", C.c_ulong), ("send_event", C.c_int), ("display", C.c_void_p)]


def event(*fields):
    return type("Event", (C.Structure,), {"_fields_": HEAD + list(fields)})


Message = event(("window", C.c_ulong), ("message_type", C.c_ulong), ("format", C.c_int), ("data", C.c_long * 5))
Asked = event(*[(name, C.c_ulong) for name in ("owner", "requestor", "selection", "target", "property", "time")])
Answer = event(*[(name, C.c_ulong) for name in ("requestor", "selection", "target", "property", "time")])


class Event(C.Union):
    _fields_ = [("type", C.c_int), ("message", Message), ("asked", Asked), ("answer", Answer), ("pad", C.c_long * 24)]


def main():
    target, x, y, file = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), pathlib.Path(sys.argv[4])
    x11 = C.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = C.c_void_p
    x11.XInternAtom.restype = x11.XDefaultRootWindow.restype = x11.XCreateSimpleWindow.restype = C.c_ulong
    display = C.c_void_p(x11.XOpenDisplay(None))
    atom = lambda name: x11.XInternAtom(display, name.encode(), 0)
    root = C.c_ulong(x11.XDefaultRootWindow(display))
    ours = x11.XCreateSimpleWindow(display, root, 0, 0, 1, 1, 0, C.c_ulong(0), C.c_ulong(0))
    files, selection = atom("text/uri-list"), atom("XdndSelection")
    x11.XSetSelectionOwner(display, C.c_ulong(selection), C.c_ulong(ours), C.c_ulong(0))

    def send(to, event):
        x11.XSendEvent(display, C.c_ulong(to), 0, C.c_long(0), C.byref(event))
        x11.XFlush(display)

    def say(name, *data):
        event = Event()
        event.message = Message(CLIENT_MESSAGE, 0, 1, display, target, atom(name), 32, (C.c_long * 5)(ours, *data))
        send(target, event)

    def hear(name, end):
        """Answers what is asked of the selection until a message of this name comes."""
        wanted = atom(name)
        while time.monotonic() < end:
            if not x11.XPending(display):
                time.sleep(0.01)
                continue
            event = Event()
            x11.XNextEvent(display, C.byref(event))
            if event.type == SELECTION_REQUEST:
                asked = event.asked
                uri = file.resolve().as_uri().encode() + b"\r\n"
                x11.XChangeProperty(display, C.c_ulong(asked.requestor), C.c_ulong(asked.property), C.c_ulong(asked.target),
                                    8, 0, uri, len(uri))
                answer = Event()
                answer.answer = Answer(SELECTION_NOTIFY, 0, 1, display, asked.requestor, asked.selection, asked.target,
                                       asked.property, asked.time)
                send(asked.requestor, answer)
            elif event.type == CLIENT_MESSAGE and event.message.message_type == wanted:
                return True
        return False

    end = time.monotonic() + 5
    say("XdndEnter", 5 << 24, files, 0, 0)
    say("XdndPosition", 0, x << 16 | y, 0, atom("XdndActionCopy"))
    if not hear("XdndStatus", end):
        sys.exit("the window does not answer")
    say("XdndDrop", 0, 0, 0, 0)
    if not hear("XdndFinished", end):
        sys.exit("the window does not take it")


main()
