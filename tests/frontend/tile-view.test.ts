import { describe, expect, it } from "vitest";
import { Ranking } from "../../static/src/lib/ranking";
import type { Calibration, Mode, Tile } from "../../static/src/lib/wire";
import { TileView } from "../../static/src/widgets/tile-view";
import { rankAnswer, tileOf } from "./tiles";

const STATE = { is_cursor: false, is_chosen: false, is_later: false, lit: "", is_below_cut: false };
// Half of what lies at 0 is right; at 2 it is 1 / (1 + exp(-2)).
const KNOWN: Calibration = {
  center: 0,
  scale: 1,
  level: 0,
  slope: 1,
  covariance: [0.01, 0, 0.01],
  low: -1,
  high: 3,
  num_accepted: 9,
  num_rejected: 9,
};

/** The first tile of a ranking, as the grid shows it. */
function shown(similarity: number, mode: Mode, calibration: Calibration | null): TileView {
  const ranking = new Ranking({
    overlay: (tile: Tile) => tile,
    isHidden: () => false,
    isPutOff: () => false,
  });
  const answer = rankAnswer([tileOf(1, { similarity, rank: 4 })], 1);
  ranking.replace({ ...answer, mode, calibration }, async () => answer);
  const view = new TileView();
  view.show(ranking.tiles[0] ?? null, STATE, 1);
  return view;
}

const captionOf = (view: TileView) => view.root.querySelector(".tile-caption")?.textContent;

describe("the caption of a ranked tile", () => {
  it("says how likely a learned tile is right, as far as answers tell", () => {
    const view = shown(2, "learned", KNOWN);
    expect(captionOf(view)).toBe("5  ~88 %");
    expect(view.root.title).toContain("similarity 2.000: of what lies there about 88 % is right");
    expect(view.root.getAttribute("aria-label")).toContain("about 88 % right");
    expect(captionOf(shown(0, "learned", KNOWN))).toBe("5  ~50 %");
  });

  it("is the similarity where nobody has answered anything, and of what is ranked by examples", () => {
    expect(captionOf(shown(4, "learned", KNOWN))).toBe("5  4.000");
    expect(captionOf(shown(-1.5, "learned", KNOWN))).toBe("5  -1.500");
    expect(captionOf(shown(0.25, "learned", null))).toBe("5  0.250");
    expect(captionOf(shown(0.25, "similar", KNOWN))).toBe("5  0.250");
  });
});
