import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { OwnSettings, type Settings } from "../../static/src/lib/own-settings";

let stored: Settings;
let sent: Partial<Settings>[];
let is_away = false;
let delays_ms: number[] = []; // of the next requests, until the server takes them

beforeEach(() => {
  vi.useFakeTimers();
  stored = { keys: null, tile_px: null };
  sent = [];
  is_away = false;
  delays_ms = [];
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
    if (is_away) throw new TypeError("away");
    const delay_ms = delays_ms.shift();
    if (delay_ms) await new Promise((done) => setTimeout(done, delay_ms));
    if (init.method === "PATCH") {
      const change = JSON.parse(String(init.body)) as Partial<Settings>;
      sent.push(change);
      stored = { ...stored, ...change };
    }
    return new Response(JSON.stringify(stored));
  });
});
afterEach(() => vi.useRealTimers());

it("what is kept on the server holds over what is here", async () => {
  stored.tile_px = 300;
  const applied: number[] = [];
  await new OwnSettings("/me").join("tile_px", { read: () => 140, apply: (px) => applied.push(px) });
  await vi.runAllTimersAsync();
  expect(applied).toEqual([300]);
  expect(sent).toEqual([]);
});

it("what the server has never heard of is told to it", async () => {
  await new OwnSettings("/me").join("tile_px", { read: () => 140, apply: () => undefined });
  await vi.runAllTimersAsync();
  expect(sent).toEqual([{ tile_px: 140 }]);
});

it("what was changed before the server answered stays", async () => {
  stored.tile_px = 300;
  const own = new OwnSettings("/me");
  const applied: number[] = [];
  const joined = own.join("tile_px", { read: () => 140, apply: (px) => applied.push(px) });
  own.put("tile_px", 180);
  await joined;
  await vi.runAllTimersAsync();
  expect(applied).toEqual([]);
  expect(stored.tile_px).toBe(180);
});

it("changes in a row are one request, and one that was lost goes with the next", async () => {
  const own = new OwnSettings("/me");
  is_away = true;
  own.put("tile_px", 180);
  await vi.runAllTimersAsync();
  is_away = false;
  own.put("keys", { accept: ["j"] });
  own.put("keys", { accept: ["f"] });
  await vi.runAllTimersAsync();
  expect(sent).toEqual([{ tile_px: 180, keys: { accept: ["f"] } }]);
  own.put("tile_px", 230);
  await vi.runAllTimersAsync();
  expect(sent.at(-1)).toEqual({ tile_px: 230 });
});

it("a change that is sent slowly does not undo the next one", async () => {
  const own = new OwnSettings("/me");
  delays_ms = [5000];
  own.put("tile_px", 180);
  await vi.advanceTimersByTimeAsync(1000);
  own.put("tile_px", 230);
  await vi.runAllTimersAsync();
  expect(stored.tile_px).toBe(230);
  expect(sent).toEqual([{ tile_px: 180 }, { tile_px: 230 }]);
});
