// When a card comes back, as the server reckons it (docs/contract/spaced-repetition.md#schedule): shown before one decides.
export const GRADES = ["forgot", "fuzzy", "remembered", "mastered"] as const;

export type Grade = (typeof GRADES)[number];

interface Card {
  repetitions: number;
  interval: number;
  easeFactor: number;
}

/** Days until a card comes back after a grade. */
export function daysAfter({ repetitions, interval, easeFactor }: Card, grade: Grade): number {
  if (grade === "forgot" || repetitions === 0) return 1;
  if (repetitions === 1) return 6;
  return Math.min(365, Math.floor(interval * easeFactor * (grade === "mastered" ? 1.3 : 1) + 0.5 + 1e-9));
}
