import { expect, test } from "vitest";
import { size, wait } from "../../static/src/lib/words";

test.each([
  [0, "0 B"],
  [812_000, "812 KB"],
  [3_420_000_000, "3.4 GB"],
  [215_000_000, "215 MB"],
])("%d bytes are %s", (bytes, words) => expect(size(bytes)).toBe(words));

test.each([
  [0.2, "1 s"],
  [720, "12 min"],
  [11_400, "3 h 10 min"],
])("%d seconds are %s", (seconds, words) => expect(wait(seconds)).toBe(words));
