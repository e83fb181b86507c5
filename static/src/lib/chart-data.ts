/** Series as the server sends them, put on one axis as a chart needs them; numbers as their table shows them. */

export interface Series {
  label: string;
  tone: string;
  x: readonly number[];
  y: readonly number[];
  is_dashed?: boolean;
  has_points?: boolean;
  is_scattered?: boolean; // points without a line
}

export interface ChartData {
  series: readonly Series[];
  x_label: string;
  y_label: string;
  is_log_x?: boolean;
  x_range?: readonly [number, number] | null;
  y_range?: readonly [number, number] | null;
}

/** Null for what is no chart: no JSON, or without series. */
export function readChart(text: string): ChartData | null {
  try {
    const data = JSON.parse(text) as ChartData;
    return data.series.length ? data : null;
  } catch {
    return null;
  }
}

/** The least and the largest of all values, a twentieth wider; [0, 1] where there are none. */
export function rangeOf(values: readonly number[]): [number, number] {
  const known = values.filter(Number.isFinite);
  if (!known.length) return [0, 1];
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const margin = (high - low || Math.abs(high) || 1) / 20;
  return [low - margin, high + margin];
}

/** The same on a logarithmic axis: a twentieth of its decades wider. */
export function logRangeOf(values: readonly number[]): [number, number] {
  const logs = values.filter((value) => value > 0).map(Math.log10);
  if (!logs.length) return [0.1, 10];
  const [low, high] = rangeOf(logs);
  return [10 ** low, 10 ** high];
}

/** The powers of ten in a range: marks of a logarithmic axis. */
export function decadesIn(low: number, high: number): number[] {
  const [first, last] = [Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))];
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => 10 ** (first + at));
}

/** At most `most` rows of a series, evenly, its ends among them. */
export function sampled(series: Series, most = 20): [x: number, y: number][] {
  const { length } = series.x;
  const num = Math.min(length, most);
  const places = Array.from({ length: num }, (_, at) =>
    num === 1 ? 0 : Math.round((at * (length - 1)) / (num - 1)),
  );
  return places.map((place) => [series.x[place] ?? 0, series.y[place] ?? 0]);
}

/** Three digits that say something: 0.8731 is "0.873", 0.000012 is "1.20e-5", 1234.5 is "1,235". */
export function shortNumber(value: number): string {
  const size = Math.abs(value);
  if (value === 0) return "0";
  if (size < 0.001 || size >= 1e6) return value.toExponential(2);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}

/**
 * One column of every x, ascending, and one of each series, null where the x is another's. An x may come twice, so
 * that a line may go straight up: each series keeps its own order.
 */
export function columnsOf(series: readonly Series[]): [xs: number[], ...ys: (number | null)[][]] {
  const rows = series.flatMap((each, of) =>
    each.x.map((x, place) => ({ x, y: each.y[place] ?? 0, of, place })),
  );
  rows.sort((one, other) => one.x - other.x || one.of - other.of || one.place - other.place);
  return [
    rows.map((row) => row.x),
    ...series.map((_, of) => rows.map((row) => (row.of === of ? row.y : null))),
  ];
}
