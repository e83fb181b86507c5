/** Decisions per minute over the last minute, from the first decision in it. */
export class Rate {
  private said: { at: number; count: number }[] = [];

  add(count: number, now_ms: number): void {
    this.said.push({ at: now_ms, count });
  }

  perMinute(now_ms: number): number {
    this.said = this.said.filter((each) => now_ms - each.at < 60_000);
    const [first] = this.said;
    if (!first) return 0;
    const count = this.said.reduce((sum, each) => sum + each.count, 0);
    return Math.round((count * 60_000) / Math.max(now_ms - first.at, 10_000));
  }
}
