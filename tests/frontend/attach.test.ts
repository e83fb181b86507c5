import { afterEach, expect, test, vi } from "vitest";
import { attach } from "../../static/src/lib/attach";

const settled = () => new Promise((done) => setTimeout(done));
let stop = () => {};

afterEach(() => {
  stop();
  document.body.replaceChildren();
});

test("connects what is on the page and what comes later, once each", async () => {
  const connect = vi.fn();
  document.body.innerHTML = '<p data-controller="count"></p>';
  stop = attach({ count: connect });
  document.body.insertAdjacentHTML("beforeend", '<section><p data-controller="count"></p></section>');
  await settled();
  expect(connect).toHaveBeenCalledTimes(2);
});

test("aborts the signal of an element that leaves", async () => {
  const signals: AbortSignal[] = [];
  document.body.innerHTML = '<section><p data-controller="count"></p></section>';
  stop = attach({ count: (_root, signal) => signals.push(signal) });
  document.querySelector("section")?.remove();
  await settled();
  expect(signals.map((signal) => signal.aborted)).toEqual([true]);
});

test("keeps the signal of an element that is only moved", async () => {
  const signals: AbortSignal[] = [];
  document.body.innerHTML = '<p data-controller="count"></p><section></section>';
  stop = attach({ count: (_root, signal) => signals.push(signal) });
  document.querySelector("section")?.append(document.querySelector("p") as Node);
  await settled();
  expect(signals.map((signal) => signal.aborted)).toEqual([false]);
});

test("an element may have several controllers, and an unknown name is nobody's", () => {
  const [a, b] = [vi.fn(), vi.fn()];
  document.body.innerHTML = '<p data-controller="a unknown b"></p>';
  stop = attach({ a, b });
  expect([a.mock.calls.length, b.mock.calls.length]).toEqual([1, 1]);
});
