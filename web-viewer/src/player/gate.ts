// Which camera a slot's frames are of. Frames and announcements travel apart, so a frame is shown only once it is known
// to be of the announced camera. Pure.
import type { Attached, Layer } from '../protocol/control';

export type GateState =
  | { at: 'empty' }
  /** We asked for another camera: what arrives now may be of either. */
  | { at: 'asked'; camera: string; layer: Layer }
  /** Announced; no frame of it yet. */
  | { at: 'announced'; attached: Attached }
  | { at: 'open'; attached: Attached };

export class Gate {
  state: GateState = { at: 'empty' };

  ask(camera: string, layer: Layer): void {
    this.state = { at: 'asked', camera, layer };
  }

  announce(attached: Attached): void {
    const { state } = this;
    // An answer that an own, newer question has overtaken says nothing about what comes.
    if (state.at === 'asked' && (state.camera !== attached.camera || state.layer !== attached.layer)) return;
    if ((state.at === 'announced' || state.at === 'open') && attached.epoch <= state.attached.epoch) return;
    this.state = { at: 'announced', attached };
  }

  clear(): void {
    this.state = { at: 'empty' };
  }

  /** A frame was put on the element; `rtp` where the browser tells it. True where it may be seen. */
  frame(rtp: number | undefined): boolean {
    const { state } = this;
    if (state.at === 'announced' && (rtp === undefined || reached(rtp, state.attached.rtp))) {
      this.state = { at: 'open', attached: state.attached };
    }
    return this.state.at === 'open';
  }

  get camera(): string | undefined {
    const { state } = this;
    switch (state.at) {
      case 'empty': return undefined;
      case 'asked': return state.camera;
      case 'announced':
      case 'open': return state.attached.camera;
    }
  }

  get layer(): Layer | undefined {
    const { state } = this;
    switch (state.at) {
      case 'empty': return undefined;
      case 'asked': return state.layer;
      case 'announced':
      case 'open': return state.attached.layer;
    }
  }
}

/** `rtp` is at or after `from`, modulo 2^32. */
export const reached = (rtp: number, from: number): boolean => ((rtp - from) >>> 0) < 0x8000_0000;
