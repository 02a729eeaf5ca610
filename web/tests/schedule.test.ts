import { expect, test } from "vitest";
import { daysAfter } from "../src/lib/schedule";

test("a card comes back as the server reckons it", () => {
  expect(daysAfter({ repetitions: 0, interval: 0, easeFactor: 2.5 }, "mastered")).toBe(1);
  expect(daysAfter({ repetitions: 1, interval: 1, easeFactor: 2.5 }, "fuzzy")).toBe(6);
  expect(daysAfter({ repetitions: 2, interval: 6, easeFactor: 2.5 }, "remembered")).toBe(15);
  expect(daysAfter({ repetitions: 2, interval: 6, easeFactor: 2.5 }, "mastered")).toBe(20);
  expect(daysAfter({ repetitions: 9, interval: 300, easeFactor: 2.5 }, "fuzzy")).toBe(365);
  expect(daysAfter({ repetitions: 9, interval: 300, easeFactor: 2.5 }, "forgot")).toBe(1);
});
