// The streamer's wall clock as seen from here: the offset of the ping with the shortest round trip (docs/protocol.md
// section 7). Pure. Times in milliseconds since 1970, here and there.

/** Pings looked back at: at one a second a drifting clock is followed, and one quiet moment a minute is enough. */
const KEPT = 60;

export class PeerClock {
  private samples: { offset: number; rtt: number }[] = [];

  /** `sent` and `back` by our clock, `received` and `answered` by theirs. */
  pong(sent: number, received: number, answered: number, back: number): void {
    const rtt = back - sent - (answered - received);
    if (rtt < -1 || rtt > 60_000) return;
    this.samples.push({ offset: (received - sent + (answered - back)) / 2, rtt: Math.max(0, rtt) });
    if (this.samples.length > KEPT) this.samples.shift();
  }

  private best(): { offset: number; rtt: number } | undefined {
    return this.samples.reduce<{ offset: number; rtt: number } | undefined>((a, b) => (a && a.rtt <= b.rtt ? a : b), undefined);
  }

  /** Shortest round trip, undefined before the first pong. */
  get rtt(): number | undefined {
    return this.best()?.rtt;
  }

  /** Their time of a moment of ours; ours while no ping has told. */
  toTheirs(ours: number): number {
    return ours + (this.best()?.offset ?? 0);
  }

  /** Our time of a moment of theirs. */
  toOurs(theirs: number): number | undefined {
    const best = this.best();
    return best && theirs - best.offset;
  }
}

/** Seconds from 1900 to 1970 (RFC 5905 §6), in milliseconds. */
const NTP_TO_UNIX_MS = 2_208_988_800_000;

/**
 * Capture times of one slot's frames. `getSynchronizationSources` gives one pair of RTP and capture time at a poll; the
 * slot's RTP clock runs with the streamer's media clock, so one pair tells all other frames' times.
 */
export class CaptureClock {
  private anchor: { rtp: number; capturedMs: number } | undefined;

  /** `ntpMs` as `captureTimestamp` gives it: milliseconds since 1900 by the streamer's clock. */
  anchorAt(rtp: number, ntpMs: number): void {
    const capturedMs = ntpMs - NTP_TO_UNIX_MS;
    // 1900-based values before 2020 are no wall clock.
    if (capturedMs > 1_577_836_800_000) this.anchor = { rtp, capturedMs };
  }

  /** The streamer's time of a frame's capture. */
  captured(rtp: number): number | undefined {
    return this.anchor && this.anchor.capturedMs + ((rtp - this.anchor.rtp) | 0) / 90;
  }
}
