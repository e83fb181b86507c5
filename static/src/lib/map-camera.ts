/** What part of the map is on the screen: a center and a scale. No DOM. */

const MOST = 400; // times as large as the whole
const MARGIN = 0.02;

export class Camera {
  x = 0.5; // of the map, [0, 1]
  y = 0.5;
  zoom = 1; // 1: all of it fits
  width = 1; // of the screen, CSS pixels
  height = 1;

  /** Pixels per unit of the map. */
  get scale(): number {
    return Math.min(this.width, this.height) * (1 - 2 * MARGIN) * this.zoom;
  }

  toScreen(x: number, y: number): [number, number] {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  }

  toMap(left: number, top: number): [number, number] {
    return [(left - this.width / 2) / this.scale + this.x, (top - this.height / 2) / this.scale + this.y];
  }

  pan(left: number, top: number): void {
    this.x = clamp(this.x - left / this.scale, 0, 1);
    this.y = clamp(this.y - top / this.scale, 0, 1);
  }

  /** The map's place under (left, top) stays there. */
  zoomAt(left: number, top: number, factor: number): void {
    const [x, y] = this.toMap(left, top);
    this.zoom = clamp(this.zoom * factor, 1, MOST);
    this.x = clamp(x - (left - this.width / 2) / this.scale, 0, 1);
    this.y = clamp(y - (top - this.height / 2) / this.scale, 0, 1);
  }

  fit(): void {
    this.x = this.y = 0.5;
    this.zoom = 1;
  }
}

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));
