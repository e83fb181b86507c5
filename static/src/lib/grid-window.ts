/** Where tiles lie and which of them are on the screen: the arithmetic of the virtualized grid. No DOM. */

export interface Layout {
  columns: number;
  tile_px: number; // side of a tile, without its gap
  row_px: number; // height of a row, with its gap
  gap_px: number;
}

/** As many columns of at least `wanted_px` as fit; they share the width. */
export function layoutOf(width_px: number, wanted_px: number, caption_px: number, gap_px: number): Layout {
  const columns = Math.max(1, Math.floor((width_px + gap_px) / (wanted_px + gap_px)));
  const tile_px = Math.max(1, Math.floor((width_px - gap_px * (columns - 1)) / columns));
  const row_px = Math.round(tile_px * 0.75) + caption_px + gap_px;
  return { columns, tile_px, row_px, gap_px };
}

export function heightOf(num_tiles: number, layout: Layout): number {
  return Math.ceil(num_tiles / layout.columns) * layout.row_px;
}

export interface Range {
  start: number;
  stop: number; // not included
}

/** The tiles at least partly inside the view, with `spare_rows` more on both sides. */
export function windowOf(
  scroll_px: number,
  view_px: number,
  num_tiles: number,
  layout: Layout,
  spare_rows: number,
): Range {
  const first = Math.floor(Math.max(0, scroll_px) / layout.row_px) - spare_rows;
  const last = Math.ceil((Math.max(0, scroll_px) + view_px) / layout.row_px) + spare_rows;
  const start = Math.min(Math.max(0, first * layout.columns), num_tiles);
  return { start, stop: Math.min(Math.max(start, last * layout.columns), num_tiles) };
}

export function placeOf(index: number, layout: Layout): { x_px: number; y_px: number } {
  return {
    x_px: (index % layout.columns) * (layout.tile_px + layout.gap_px),
    y_px: Math.floor(index / layout.columns) * layout.row_px,
  };
}

/** The tiles a rectangle (in pixels of the canvas) touches, in order. */
export function tilesWithin(
  rectangle: { x0: number; y0: number; x1: number; y1: number },
  num_tiles: number,
  layout: Layout,
): number[] {
  const pitch_px = layout.tile_px + layout.gap_px;
  const first_column = Math.max(0, Math.ceil((rectangle.x0 - layout.tile_px) / pitch_px));
  const last_column = Math.min(layout.columns - 1, Math.floor(rectangle.x1 / pitch_px));
  const side_px = layout.row_px - layout.gap_px;
  const first_row = Math.max(0, Math.ceil((rectangle.y0 - side_px) / layout.row_px));
  const last_row = Math.floor(rectangle.y1 / layout.row_px);
  const touched: number[] = [];
  for (let row = first_row; row <= last_row; row++) {
    for (let column = first_column; column <= last_column; column++) {
      const index = row * layout.columns + column;
      if (index < num_tiles) touched.push(index);
    }
  }
  return touched;
}

/** The scroll position that shows the row of `index` whole, as near to `scroll_px` as can be. */
export function scrolledTo(index: number, scroll_px: number, view_px: number, layout: Layout): number {
  const top_px = Math.floor(index / layout.columns) * layout.row_px;
  if (top_px < scroll_px) return top_px;
  const bottom_px = top_px + layout.row_px;
  return bottom_px > scroll_px + view_px ? Math.max(0, bottom_px - view_px) : scroll_px;
}

/** Where a step goes; unchanged at an edge. */
export function stepped(
  action: string,
  index: number,
  length: number,
  layout: Layout,
  view_px: number,
): number {
  const { columns } = layout;
  const page = Math.max(1, Math.floor(view_px / layout.row_px)) * columns;
  const target =
    {
      left: index - 1,
      right: index + 1,
      up: index - columns,
      down: index + columns,
      "page-up": index - page,
      "page-down": index + page,
      first: 0,
      last: length - 1,
    }[action] ?? index;
  if (action.startsWith("page-")) return Math.max(0, Math.min(target, length - 1));
  if (action === "down" && target >= length) {
    const isLastRow = Math.floor(index / columns) === Math.floor((length - 1) / columns);
    return isLastRow ? index : length - 1;
  }
  return target < 0 || target >= length ? index : target;
}
