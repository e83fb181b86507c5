const UNITS = ["B", "KB", "MB", "GB", "TB"] as const;

/** Bytes as the server's templates write them: "812 KB", "3.4 GB" (powers of 1000). */
export function size(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  while (amount >= 999.5 && unit < UNITS.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  return `${unit > 1 && amount < 100 ? amount.toFixed(1) : amount.toFixed(0)} ${UNITS[unit]}`;
}

/** Roughly how long: "5 s", "12 min", "3 h 10 min". */
export function wait(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}
