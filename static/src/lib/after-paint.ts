const LONGEST_WAIT_MS = 100; // a tab in the background paints no frames

/** `work` runs once after the next frame is on the screen, however often it is asked for before: tiles first, panels later. */
export function afterPaint(work: () => void): () => void {
  let is_due = false;
  const run = () => {
    if (!is_due) return;
    is_due = false;
    work();
  };
  return () => {
    if (is_due) return;
    is_due = true;
    requestAnimationFrame(() => setTimeout(run));
    setTimeout(run, LONGEST_WAIT_MS);
  };
}
