// Between parts of the picture and pixels of its box: the picture is never cropped, so there may be bars beside it, and it
// may be enlarged. Pure.
import type { View } from '../state/zoom';
import type { Point, Scale } from './polygon';

export interface Size { width: number; height: number }

export class Place {
  /** The picture in its box at 1×. */
  private readonly left: number;
  private readonly top: number;
  private readonly fit: Scale;
  /** The picture as large as it is seen. */
  readonly scale: Scale;

  /** `picture` of nothing fills its box. */
  constructor(private readonly box: Size, picture: Size, private readonly view: View) {
    const known = picture.width > 0 && picture.height > 0;
    const k = known ? Math.min(box.width / picture.width, box.height / picture.height) : 0;
    this.fit = known ? { w: picture.width * k, h: picture.height * k } : { w: box.width, h: box.height };
    this.left = (box.width - this.fit.w) / 2;
    this.top = (box.height - this.fit.h) / 2;
    this.scale = { w: this.fit.w * view.scale, h: this.fit.h * view.scale };
  }

  /** Pixels from the box's corner. */
  pixel([x, y]: Point): Point {
    const { scale, x: dx, y: dy } = this.view;
    return [(this.left + x * this.fit.w) * scale - dx * this.box.width, (this.top + y * this.fit.h) * scale - dy * this.box.height];
  }

  /** May be outside of the picture. */
  part([x, y]: Point): Point {
    const { scale, x: dx, y: dy } = this.view;
    const across = ((x + dx * this.box.width) / scale - this.left) / this.fit.w;
    const down = ((y + dy * this.box.height) / scale - this.top) / this.fit.h;
    return [across, down];
  }
}
