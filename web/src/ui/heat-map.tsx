// Half a year of days as squares; each leads to its memos.
import { dayBounds, dayKey, formatDate, t, tn } from "../i18n";
import { address } from "../lib/base";
import { type Filter, streamAddress } from "../store/stream";

const WEEKS = 26;

/** How dark a square is, 0 to 4: by quarters of the busiest day. */
export function level(count: number, most: number): number {
  return count <= 0 ? 0 : Math.min(4, Math.ceil((4 * count) / Math.max(most, 4)));
}

/** Days of the last weeks, from a Monday on, as `YYYY-MM-DD`. */
export function lastDays(now: number): string[] {
  const today = new Date(now);
  const sinceMonday = (today.getDay() + 6) % 7;
  const count = (WEEKS - 1) * 7 + sinceMonday + 1;
  return Array.from({ length: count }, (_, index) => dayKey(new Date(today.getFullYear(), today.getMonth(), today.getDate() - (count - 1 - index)).getTime()));
}

export function HeatMap({ days, filter }: { days: readonly { date: string; count: number }[]; filter: Filter }) {
  const counts = new Map(days.map((day) => [day.date, day.count]));
  const most = Math.max(0, ...counts.values());
  const all = lastDays(Date.now());
  const total = all.reduce((sum, day) => sum + (counts.get(day) ?? 0), 0);
  return (
    <>
      <div class="heat" role="group" aria-label={t("heat.label")}>
        {all.map((day) => {
          const count = counts.get(day) ?? 0;
          const text = `${formatDate(dayBounds(day)?.from ?? 0)}: ${tn("stream.count", count)}`;
          const isOn = filter.from === day && filter.to === day;
          if (!count) return <span key={day} class={`heat-day l0${isOn ? " on" : ""}`} title={text} />;
          const target = isOn ? { ...filter, from: "", to: "" } : { ...filter, from: day, to: day };
          return <a key={day} class={`heat-day l${level(count, most)}${isOn ? " on" : ""}`} href={address(streamAddress(target))} title={text} aria-label={text} tabIndex={-1} />;
        })}
      </div>
      <p class="faint">{tn("heat.total", total)}</p>
    </>
  );
}
