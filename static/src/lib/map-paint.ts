/** Draws the points: WebGL 2, a million at once; without it the same by the 2-D canvas. */

import type { Camera } from "./map-camera";
import { type Points, SIDE } from "./map-points";

export type Rgb = readonly [number, number, number]; // 0..255

export interface Painter {
  /** One color number per point; `palette` says what they look like. */
  color(codes: Uint8Array, palette: readonly Rgb[]): void;
  paint(camera: Camera): void;
  /** Points are drawn this large, CSS pixels. */
  sizeAt(camera: Camera): number;
}

const MAX_COLORS = 40;
const VERTEX = `#version 300 es
in vec2 place; in float code;
uniform vec2 center; uniform vec2 scale; uniform float size; uniform vec3 palette[${MAX_COLORS}];
out vec3 shade;
void main() {
  gl_Position = vec4((place - center) * scale, 1.0 - (code + 1.0) / 64.0, 1.0);
  gl_PointSize = size * (code > 0.5 ? 1.35 : 1.0);
  shade = palette[int(code)];
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
in vec3 shade; out vec4 color;
void main() {
  vec2 at = gl_PointCoord * 2.0 - 1.0;
  if (dot(at, at) > 1.0) discard;
  color = vec4(shade, 1.0);
}`;

/** Larger when few, larger when near. */
function sizeOf(count: number, camera: Camera): number {
  const least = count > 200_000 ? 1.4 : count > 20_000 ? 2.2 : 4;
  return Math.min(14, least * camera.zoom ** 0.35);
}

export function painterOf(canvas: HTMLCanvasElement, points: Points): Painter {
  const gl = canvas.getContext("webgl2", { antialias: false, depth: true, alpha: true });
  return gl ? new GlPainter(gl, points) : new PlainPainter(canvas, points);
}

class GlPainter implements Painter {
  private readonly program: WebGLProgram;
  private readonly codes: WebGLBuffer;

  constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly points: Points,
  ) {
    this.program = linked(gl);
    gl.useProgram(this.program);
    gl.enable(gl.DEPTH_TEST); // what has a color lies above what has none
    attribute(gl, this.program, "place", 2, gl.UNSIGNED_SHORT, points.xy);
    this.codes = attribute(gl, this.program, "code", 1, gl.UNSIGNED_BYTE, new Uint8Array(points.count));
  }

  color(codes: Uint8Array, palette: readonly Rgb[]): void {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.codes);
    gl.bufferData(gl.ARRAY_BUFFER, codes, gl.STATIC_DRAW);
    const flat = new Float32Array(3 * MAX_COLORS);
    palette.slice(0, MAX_COLORS).forEach((rgb, at) => {
      flat.set(
        rgb.map((part) => part / 255),
        3 * at,
      );
    });
    gl.uniform3fv(gl.getUniformLocation(this.program, "palette"), flat);
  }

  paint(camera: Camera): void {
    const { gl, program } = this;
    const { width, height } = gl.canvas;
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniform2f(gl.getUniformLocation(program, "center"), camera.x * SIDE, camera.y * SIDE);
    gl.uniform2f(
      gl.getUniformLocation(program, "scale"),
      (2 * camera.scale) / camera.width / SIDE,
      (-2 * camera.scale) / camera.height / SIDE,
    );
    const ratio = width / camera.width;
    gl.uniform1f(gl.getUniformLocation(program, "size"), this.sizeAt(camera) * ratio);
    gl.drawArrays(gl.POINTS, 0, this.points.count);
  }

  sizeAt(camera: Camera): number {
    return sizeOf(this.points.count, camera);
  }
}

class PlainPainter implements Painter {
  private codes: Uint8Array;
  private palette: readonly Rgb[] = [];

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly points: Points,
  ) {
    this.codes = new Uint8Array(points.count);
  }

  color(codes: Uint8Array, palette: readonly Rgb[]): void {
    this.codes = codes;
    this.palette = palette;
  }

  paint(camera: Camera): void {
    const plain = this.canvas.getContext("2d");
    if (!plain) return;
    const ratio = this.canvas.width / camera.width;
    plain.setTransform(ratio, 0, 0, ratio, 0, 0);
    plain.clearRect(0, 0, camera.width, camera.height);
    const size = this.sizeAt(camera);
    const { xy, count } = this.points;
    this.palette.forEach(([red, green, blue], code) => {
      plain.fillStyle = `rgb(${red} ${green} ${blue})`;
      for (let at = 0; at < count; at += 1) {
        if (this.codes[at] !== code) continue;
        const [left, top] = camera.toScreen((xy[2 * at] as number) / SIDE, (xy[2 * at + 1] as number) / SIDE);
        if (left > -size && top > -size && left < camera.width + size && top < camera.height + size)
          plain.fillRect(left - size / 2, top - size / 2, size, size);
      }
    });
  }

  sizeAt(camera: Camera): number {
    return sizeOf(this.points.count, camera);
  }
}

function linked(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ] as const) {
    const shader = gl.createShader(kind);
    if (!shader) throw new Error("The browser could not make a shader.");
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost())
    throw new Error(`The map's shaders were refused: ${gl.getProgramInfoLog(program)}`);
  return program;
}

function attribute(
  gl: WebGL2RenderingContext,
  program: WebGLProgram,
  name: string,
  size: number,
  type: number,
  values: Uint16Array | Uint8Array,
): WebGLBuffer {
  const buffer = gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
  const place = gl.getAttribLocation(program, name);
  gl.enableVertexAttribArray(place);
  gl.vertexAttribPointer(place, size, type, false, 0, 0);
  return buffer;
}
