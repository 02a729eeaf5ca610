import { expect, test, vi } from "vitest";
import { formatDate, formatNumber, language, tn } from "../src/i18n";

test("each format is made once, and again in another language", () => {
  const made = ["NumberFormat", "PluralRules", "DateTimeFormat"].map((name) => vi.spyOn(Intl, name as "NumberFormat"));
  for (let count = 1500; count < 1600; count += 1) {
    expect(formatNumber(count)).toContain("1,5");
    tn("stream.count", count);
    formatDate(count * 86_400_000);
  }
  const chinese = formatDate.bind(null, 0);
  language.value = "zh";
  expect(chinese()).toContain("年");
  language.value = "en";
  for (const one of made) {
    expect(one).toHaveBeenCalled();
    expect(one.mock.calls.length).toBeLessThanOrEqual(2);
  }
});
