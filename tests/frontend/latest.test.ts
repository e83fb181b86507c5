import { expect, test } from "vitest";
import { latest } from "../../static/src/lib/latest";

test("only the newest call gives a value", async () => {
  const answers: ((value: string) => void)[] = [];
  const ask = latest((_question: string) => new Promise<string>((done) => answers.push(done)));
  const first = ask("a");
  const second = ask("b");
  answers[0]?.("too late");
  answers[1]?.("in time");
  expect([await first, await second]).toEqual([undefined, "in time"]);
});

test("the newest call's failure is not swallowed", async () => {
  const ask = latest(() => Promise.reject(new Error("no network")));
  await expect(ask(undefined)).rejects.toThrow("no network");
});
