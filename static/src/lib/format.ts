/** Numbers and times as people read them. */

/** 0.8731 is "0.873"; nothing is "". */
export function similarityText(similarity: number | null): string {
  return similarity === null ? "" : similarity.toFixed(3);
}

/** 75.5 is "1:15.5"; 3700 is "1:01:40.0". */
export function timeText(seconds: number): string {
  const tenths = Math.round(seconds * 10);
  const [hours, minutes] = [Math.floor(tenths / 36_000), Math.floor(tenths / 600) % 60];
  const rest = `${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

const COUNT = new Intl.NumberFormat("en-US"); // made once: making one takes longer than painting a tile

/** 12345 is "12,345". */
export function countText(count: number): string {
  return COUNT.format(count);
}

/** "1 item", "12,345 items". */
export function itemsText(count: number, noun = "item"): string {
  return `${countText(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** 3 s, 4 min, 2 h ago. */
export function agoText(then_ms: number, now_ms: number): string {
  const seconds = Math.max(0, Math.round((now_ms - then_ms) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** A form field's number; what is empty or no number is undefined. */
export function numberOf(text: string): number | undefined {
  const value = Number(text.trim());
  return text.trim() === "" || Number.isNaN(value) ? undefined : value;
}
