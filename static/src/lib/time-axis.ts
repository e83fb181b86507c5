/** The part of a video's time that a time line shows, in seconds and pixels. No DOM. */

export interface View {
  start: number; // seconds
  stop: number;
}

export interface Tick {
  seconds: number;
  label: string; // "" for a small one
}

const STEPS = [
  0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
];
const LABEL_PX = 84; // at least, from one label to the next
const SMALL = 5; // steps of small ticks between two labels

export function xOf(seconds: number, view: View, width_px: number): number {
  return ((seconds - view.start) / (view.stop - view.start)) * width_px;
}

export function secondsOfX(x_px: number, view: View, width_px: number): number {
  return view.start + (x_px / Math.max(1, width_px)) * (view.stop - view.start);
}

/** `view` with `factor` times its length, so that `at` stays where it is; never beyond `whole`, nor below `least`. */
export function zoomed(view: View, factor: number, at: number, whole: View, least: number): View {
  const length = Math.min(whole.stop - whole.start, Math.max(least, (view.stop - view.start) * factor));
  const share = (at - view.start) / (view.stop - view.start);
  return within({ start: at - share * length, stop: at - share * length + length }, whole);
}

/** Moved by a share of its length. */
export function panned(view: View, share: number, whole: View): View {
  const by = share * (view.stop - view.start);
  return within({ start: view.start + by, stop: view.stop + by }, whole);
}

/** The same length, with `seconds` in it; as it is where it is in it already. */
export function revealing(view: View, seconds: number, whole: View): View {
  if (seconds >= view.start && seconds <= view.stop) return view;
  const length = view.stop - view.start;
  const start = seconds < view.start ? seconds - 0.1 * length : seconds - 0.9 * length;
  return within({ start, stop: start + length }, whole);
}

function within(view: View, whole: View): View {
  const length = Math.min(view.stop - view.start, whole.stop - whole.start);
  const start = Math.max(whole.start, Math.min(view.start, whole.stop - length));
  return { start, stop: start + length };
}

/** Round times, with labels that do not touch. */
export function ticksOf(view: View, width_px: number): Tick[] {
  const per_px = (view.stop - view.start) / Math.max(1, width_px);
  const step =
    STEPS.find((each) => each / per_px >= LABEL_PX) ?? 7200 * Math.ceil((per_px * LABEL_PX) / 7200);
  const small = step / SMALL;
  const ticks: Tick[] = [];
  for (let at = Math.ceil(view.start / small - 1e-9); at * small <= view.stop + 1e-9; at++) {
    ticks.push({ seconds: at * small, label: at % SMALL === 0 ? tickText(at * small, step) : "" });
  }
  return ticks;
}

/** 75 is "1:15", 0.25 with small steps "0:00.25". */
function tickText(seconds: number, step: number): string {
  const decimals = step < 0.1 ? 2 : step < 1 ? 1 : 0;
  const rounded = Number(seconds.toFixed(decimals));
  const [hours, minutes] = [Math.floor(rounded / 3600), Math.floor(rounded / 60) % 60];
  const rest = (rounded % 60).toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}
