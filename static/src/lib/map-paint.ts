/** What draws the points: the graphics card where there is one, else the processor. */

import type { Camera } from "./map-camera";
import { GlPainter } from "./map-gl";
import type { Mark } from "./map-marks";
import type { PointGrid, Points } from "./map-points";
import { PointRaster, sizeOf } from "./map-raster";

export type Rgb = readonly [number, number, number]; // 0..255

export interface Painter {
  /** One color number per point; `palette` and `marks` say what they look like. */
  color(codes: Uint8Array, palette: readonly Rgb[], marks: readonly Mark[]): void;
  paint(camera: Camera): void;
  /** Points are drawn this large, CSS pixels. */
  sizeAt(camera: Camera): number;
}

export function painterOf(canvas: HTMLCanvasElement, points: Points, grid: PointGrid): Painter {
  const gl = hasGraphicsCard() ? canvas.getContext("webgl2", { antialias: false }) : null;
  return gl ? new GlPainter(gl, points) : new RasterPainter(canvas, points, grid);
}

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/**
 * Whether WebGL is drawn by a graphics card. By software a frame of a million points takes seconds, and the page
 * waits for each; `failIfMajorPerformanceCaveat` does not tell (Chromium grants it with SwiftShader). Asked of a
 * canvas of its own, since one that has given a WebGL context gives no other.
 */
function hasGraphicsCard(): boolean {
  const gl = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  if (!gl) return false;
  const names = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer = String(gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return !SOFTWARE.test(renderer);
}

class RasterPainter implements Painter {
  private readonly raster: PointRaster;
  private readonly colors = new Uint32Array(256);

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly points: Points,
    grid: PointGrid,
  ) {
    this.raster = new PointRaster(grid);
  }

  color(codes: Uint8Array, palette: readonly Rgb[], marks: readonly Mark[]): void {
    this.raster.color(codes, marks);
    palette.slice(0, 255).forEach(([red, green, blue], code) => {
      this.colors[code + 1] = ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0; // bytes R, G, B, A
    });
  }

  paint(camera: Camera): void {
    const plain = this.canvas.getContext("2d", { willReadFrequently: true }); // kept where the processor draws
    if (!plain) return;
    const { width, height, shades } = this.raster.draw(camera, this.canvas.width / camera.width);
    if (!shades.length) return;
    const image = new ImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const { colors } = this;
    for (let at = 0; at < shades.length; at += 1) pixels[at] = colors[shades[at] as number] as number;
    plain.putImageData(image, 0, 0);
  }

  sizeAt(camera: Camera): number {
    return sizeOf(this.points.count, camera);
  }
}
