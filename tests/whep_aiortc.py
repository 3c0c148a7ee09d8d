"""An independent client (aiortc) watches a camera through WHEP on the local HTTP API.

usage: whep_aiortc.py PATH_TO_ATHOME_STREAMER

Starts a streamer on the test card with a data folder of its own, asks for its picture as any WHEP client would, decodes it
with FFmpeg's H.264 decoder and checks that the picture's own clock advances. Ends with "N passed, N failed".
"""

import asyncio
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import aiohttp
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

CELLS = 40
passed = 0
failed = 0


def check(name, ok, detail=""):
    global passed, failed
    if ok:
        passed += 1
        print(f"ok - {name} {detail}".rstrip())
    else:
        failed += 1
        print(f"not ok - {name} {detail}".rstrip())


def read_clock(frame):
    """The 40 cells in the top row: 32 bits of time in tenths of a millisecond, 8 check bits. None where they don't agree."""
    luma = frame.planes[0]
    cell = frame.width // CELLS
    row = bytes(luma)[cell // 2 * luma.line_size :]
    bits = 0
    for n in range(CELLS):
        bits = bits << 1 | int(row[n * frame.width // CELLS + cell // 2] > 125)
    value, sum_ = bits >> 8, bits & 0xFF
    expected = (value ^ value >> 8 ^ value >> 16 ^ value >> 24 ^ 0xA5) & 0xFF
    return value if sum_ == expected else None


async def ready_line(process):
    loop = asyncio.get_running_loop()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        line = await loop.run_in_executor(None, process.stdout.readline)
        if not line:
            raise SystemExit("the streamer ended before it was ready")
        event = json.loads(line)
        if event.get("event") == "ready":
            return event
    raise SystemExit("the streamer was not ready within 30 s")


async def watch(session, url, headers):
    pc = RTCPeerConnection()
    clocks, sizes, sounds = [], set(), 0
    pc.addTransceiver("video", direction="recvonly")
    pc.addTransceiver("audio", direction="recvonly")
    readers = []

    @pc.on("track")
    def on_track(track):
        async def read():
            nonlocal sounds
            while True:
                try:
                    frame = await track.recv()
                except MediaStreamError:
                    return
                if track.kind == "audio":
                    sounds += 1
                    continue
                sizes.add((frame.width, frame.height))
                clock = read_clock(frame)
                if clock is not None:
                    clocks.append((clock, int(time.time() * 10_000) & 0xFFFFFFFF))

        readers.append(asyncio.ensure_future(read()))

    await pc.setLocalDescription(await pc.createOffer())
    started = time.monotonic()
    async with session.post(url, data=pc.localDescription.sdp, headers={**headers, "Content-Type": "application/sdp"}) as r:
        answer = await r.text()
        check("POST answers 201 with an SDP answer", r.status == 201 and r.content_type == "application/sdp", f"({r.status})")
        if r.status != 201:
            print(answer)
            await pc.close()
            return
        location = r.headers.get("Location", "")
    check("Location names the session", location != "")
    await pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    while time.monotonic() - started < 20 and len(clocks) < 90:
        await asyncio.sleep(0.1)
    check("pictures arrive and are decoded", len(clocks) >= 90, f"({len(clocks)} with a readable clock, sizes {sorted(sizes)})")
    check("the picture's clock advances", all(a[0] < b[0] for a, b in zip(clocks, clocks[1:])) and len(clocks) > 1)
    if clocks:
        late = sorted((shown - stamped) / 10 for stamped, shown in clocks)
        print(f"# capture to decoded: p50 {late[len(late) // 2]:.1f} ms, p95 {late[len(late) * 95 // 100]:.1f} ms")
    check("sound arrives", sounds > 50, f"({sounds} frames)")

    target = location if location.startswith("http") else url.split("/api/")[0] + location
    async with session.delete(target, headers=headers) as r:
        check("DELETE ends the session", r.status in (200, 204), f"({r.status})")
    count = len(clocks)
    await asyncio.sleep(1.5)
    settled = len(clocks)
    await asyncio.sleep(1.0)
    check("no picture after DELETE", len(clocks) == settled, f"({settled - count} in flight)")
    async with session.delete(target, headers=headers) as r:
        check("a second DELETE finds nothing", r.status == 404, f"({r.status})")
    await pc.close()
    for reader in readers:
        reader.cancel()


async def main(binary):
    with tempfile.TemporaryDirectory() as data:
        command = [binary, "--data", data, "--camera", "test", "--mic", "tone", "--size", "640x360", "--no-listen",
                   "--api", "127.0.0.1:0", "--json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            ready = await ready_line(process)
            api = ready["api"].rstrip("/")
            token = (pathlib.Path(data) / "api-token").read_text().strip()
            bearer = {"Authorization": f"Bearer {token}"}
            async with aiohttp.ClientSession() as session:
                async with session.get(f"{api}/api/v1/cameras", headers=bearer) as r:
                    cameras = await r.json()
                cameras = cameras["cameras"] if isinstance(cameras, dict) else cameras
                url = f"{api}/api/v1/cameras/{cameras[0]['id']}/whep"
                sdp = {"Content-Type": "application/sdp"}
                async with session.post(url, data="v=0", headers=sdp) as r:
                    check("no token, no picture", r.status == 401, f"({r.status})")
                async with session.post(url, data="v=0", headers={**sdp, **bearer, "Host": "evil.example"}) as r:
                    check("a foreign Host is refused", r.status in (400, 403, 421), f"({r.status})")
                async with session.post(url, data="v=0", headers={**sdp, **bearer, "Origin": "https://evil.example"}) as r:
                    check("a foreign Origin is refused", r.status == 403, f"({r.status})")
                async with session.post(url, data="hello", headers={**sdp, **bearer}) as r:
                    check("what is no SDP is refused", r.status == 400, f"({r.status})")
                async with session.post(url.replace(cameras[0]["id"], "nowhere"), data="v=0", headers={**sdp, **bearer}) as r:
                    check("an unknown camera is not found", r.status == 404, f"({r.status})")
                await watch(session, url, bearer)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
    check("the streamer stops when asked", process.returncode == 0, f"(exit status {process.returncode})")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
