import { describe, expect, it } from "vitest";
import { Heights } from "../src/ui/heights";

describe("heights of rows", () => {
  it("knows where rows begin, measured or guessed", () => {
    const heights = new Heights();
    heights.use(["a", "b", "c"], () => 100);
    expect(heights.set("b", 40)).toBe(true);
    expect(heights.set("b", 40.2)).toBe(false);
    expect([heights.offset(0), heights.offset(1), heights.offset(2), heights.total]).toEqual([0, 100, 140, 240]);
    expect([-5, 0, 99, 100, 139, 140, 9999].map((place) => heights.at(place))).toEqual([0, 0, 0, 1, 1, 2, 2]);
  });

  it("finds a row among a hundred thousand at once", () => {
    const heights = new Heights();
    heights.use(Array.from({ length: 100_000 }, (_, index) => String(index)), () => 120);
    expect(heights.at(120 * 77_777 + 1)).toBe(77_777);
  });
});
