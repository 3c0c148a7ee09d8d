// The one camera that is heard. Off until a tap; a browser that refuses to play leaves it waiting for the next tap.

export type SoundState = 'off' | 'on' | 'blocked';

export class Sound {
  private readonly audio = new Audio();
  private wanted = false;
  private hushed = false;

  constructor(private readonly changed: (state: SoundState) => void) {
    this.audio.muted = true;
  }

  track(track: MediaStreamTrack): void {
    this.audio.srcObject = new MediaStream([track]);
    this.apply();
  }

  /** Switches it on or off; from a tap where it is to be on. */
  set(on: boolean): void {
    this.wanted = on;
    this.apply();
  }

  /** Silent whatever is wanted, while something else is heard. */
  hush(on: boolean): void {
    this.hushed = on;
    this.audio.muted = on || !this.wanted;
  }

  /** From 0 to 1. Without effect on an iPhone, whose buttons alone set it. */
  volume(level: number): void {
    this.audio.volume = Math.min(1, Math.max(0, level));
  }

  close(): void {
    this.audio.srcObject = null;
  }

  private apply(): void {
    this.audio.muted = this.hushed || !this.wanted;
    if (!this.wanted) {
      this.changed('off');
      return;
    }
    if (!this.audio.srcObject) {
      this.changed('on');
      return;
    }
    this.audio.play().then(
      () => this.changed(this.wanted ? 'on' : 'off'),
      (error: unknown) => {
        if (error instanceof DOMException && error.name === 'NotAllowedError') this.changed('blocked');
      },
    );
  }
}
