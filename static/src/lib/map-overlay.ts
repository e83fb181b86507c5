/** What lies over the points of a map: the lasso, the ring around a point, the cross of the keyboard. */

import type { Camera } from "./map-camera";

export interface Overlay {
  corners: readonly (readonly [number, number])[]; // of the lasso, on the screen
  ring: { at: readonly [number, number]; radius: number } | null;
  has_cross: boolean; // in the middle of the screen
}

export function paintOverlay(
  pen: CanvasRenderingContext2D,
  camera: Camera,
  style: CSSStyleDeclaration,
  { corners, ring, has_cross }: Overlay,
): void {
  pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  pen.clearRect(0, 0, camera.width, camera.height);
  if (corners.length > 1) {
    pen.beginPath();
    for (const [left, top] of corners) pen.lineTo(left, top);
    pen.closePath();
    pen.fillStyle = style.getPropertyValue("--map-lasso");
    pen.fill();
    pen.setLineDash([5, 4]);
    pen.lineWidth = 1.5;
    pen.strokeStyle = style.getPropertyValue("--text");
    pen.stroke();
    pen.setLineDash([]);
  }
  if (ring) {
    pen.beginPath();
    pen.arc(ring.at[0], ring.at[1], ring.radius, 0, 2 * Math.PI);
    pen.lineWidth = 2;
    pen.strokeStyle = style.getPropertyValue("--text");
    pen.stroke();
  }
  if (has_cross) {
    const [left, top] = [camera.width / 2, camera.height / 2];
    pen.strokeStyle = style.getPropertyValue("--focus");
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(left - 8, top);
    pen.lineTo(left + 8, top);
    pen.moveTo(left, top - 8);
    pen.lineTo(left, top + 8);
    pen.stroke();
  }
}
