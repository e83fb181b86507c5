/** Draws the points by the graphics card: WebGL 2, a million at once. */

import type { Camera } from "./map-camera";
import { leastOf, MARKS, type Mark, numMarked } from "./map-marks";
import type { Painter, Rgb } from "./map-paint";
import { type Points, SIDE } from "./map-points";
import { sizeOf } from "./map-raster";

const MAX_COLORS = 40;
const VERTEX = `#version 300 es
in vec2 place; in float code;
uniform vec2 center; uniform vec2 scale; uniform float size; uniform float least;
uniform vec3 palette[${MAX_COLORS}]; uniform int marks[${MAX_COLORS}];
out vec3 shade; flat out int mark;
void main() {
  gl_Position = vec4((place - center) * scale, 1.0 - (code + 1.0) / 64.0, 1.0);
  mark = marks[int(code)];
  gl_PointSize = max(size * (code > 0.5 ? 1.35 : 1.0), mark > 0 ? least : 0.0);
  shade = palette[int(code)];
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
in vec3 shade; flat in int mark; out vec4 color;
bool covers(vec2 at) { // as in map-marks.ts
  float far = length(at);
  if (mark == 1) return at.y <= 0.8 && abs(at.x) <= (at.y + 1.0) * 0.55;
  if (mark == 2) return min(abs(at.x - at.y), abs(at.x + at.y)) <= 0.5 && far <= 1.2;
  if (mark == 3) return abs(at.x) + abs(at.y) <= 1.0;
  if (mark == 4) return far <= 1.0 && far >= 0.5;
  return far <= 1.0;
}
void main() {
  if (!covers(gl_PointCoord * 2.0 - 1.0)) discard;
  color = vec4(shade, 1.0);
}`;

export class GlPainter implements Painter {
  private readonly program: WebGLProgram;
  private readonly codes: WebGLBuffer;
  private least = 0; // of a mark, CSS pixels

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

  color(codes: Uint8Array, palette: readonly Rgb[], marks: readonly Mark[]): void {
    const { gl } = this;
    this.least = leastOf(numMarked(codes, marks));
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
    const numbers = new Int32Array(MAX_COLORS);
    marks.slice(0, MAX_COLORS).forEach((mark, at) => {
      numbers[at] = MARKS.indexOf(mark);
    });
    gl.uniform1iv(gl.getUniformLocation(this.program, "marks"), numbers);
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
    gl.uniform1f(gl.getUniformLocation(program, "least"), this.least * ratio);
    gl.drawArrays(gl.POINTS, 0, this.points.count);
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
