import { beforeEach, describe, expect, it } from "vitest";
import { connect } from "../../static/src/controllers/choices";

const names = ["cat", "catfish", "dog"];
const checked = (): string[] =>
  [...document.querySelectorAll<HTMLInputElement>(".checks input:checked")].map((box) => box.value);
const press = (value: string): void =>
  document.querySelector<HTMLButtonElement>(`button[value="${value}"]`)?.click();
const type = (text: string): void => {
  const search = document.querySelector<HTMLInputElement>('input[type="search"]');
  if (!search) throw new Error("no search");
  search.value = text;
  search.dispatchEvent(new Event("input"));
};

describe("many checkboxes", () => {
  beforeEach(() => {
    const boxes = names.map(
      (name) => `<label class="check"><input type="checkbox" value="${name}"><span>${name}</span></label>`,
    );
    document.body.innerHTML = `<div id="tools" hidden><input type="search">
      <button type="button" value="all"></button><button type="button" value="none"></button></div>
      <div class="checks">${boxes.join("")}</div>`;
    const tools = document.getElementById("tools");
    if (tools) connect(tools, new AbortController().signal);
  });

  it("are all chosen, and none, by one button each", () => {
    press("all");
    expect(checked()).toEqual(names);
    press("none");
    expect(checked()).toEqual([]);
  });

  it("are narrowed by what is typed, and only what is shown is chosen", () => {
    type(" CAT");
    press("all");
    expect(checked()).toEqual(["cat", "catfish"]);
    type("fish");
    press("none");
    expect(checked()).toEqual(["cat"]);
    type("");
    expect(document.querySelectorAll("label[hidden]").length).toBe(0);
  });

  it("show their tools only where a script runs", () => {
    expect(document.getElementById("tools")?.hidden).toBe(false);
  });
});
