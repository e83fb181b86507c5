/** How often an answer given by a stack was wrong, in the words of the page. Names as the API has them. */

import { percent } from "./audits";
import { countText } from "./format";

interface Checks {
  name: string; // of the source; "" for uploads
  is_off: boolean;
  wrong: { hits: number; num: number; low: number; high: number };
}

export interface StackErrors {
  share_checked: number;
  most_error: number;
  all: Checks;
  sources: Checks[];
}

/** "1 of 40 checked was wrong: 0.06 % to 13.2 %, with 95 % confidence." */
export function checkedText({ all, share_checked }: StackErrors): string {
  const { hits, num, low, high } = all.wrong;
  if (!num)
    return `Not checked yet. Of the answers that items got by their stack, ${percent(share_checked)} are looked at again, one by one, among your tiles.`;
  const were = hits === 1 ? "was" : "were";
  return `${countText(hits)} of ${countText(num)} checked ${were} wrong: ${percent(low)} to ${percent(high)}, with 95 % confidence.`;
}

/** One sentence for each source whose stacks are answered frame by frame. */
export function offTexts({ sources, most_error }: StackErrors): string[] {
  return sources
    .filter(({ is_off }) => is_off)
    .map(
      ({ name, wrong }) =>
        `${name || "The uploads"}: answered frame by frame, since more than ${percent(most_error)} were wrong (${countText(wrong.hits)} of ${countText(wrong.num)}).`,
    );
}
