/** `work` runs once after the next frame is on the screen, however often it is asked for before: tiles first, panels later. */
export function afterPaint(work: () => void): () => void {
  let is_due = false;
  return () => {
    if (is_due) return;
    is_due = true;
    requestAnimationFrame(() =>
      setTimeout(() => {
        is_due = false;
        work();
      }),
    );
  };
}
