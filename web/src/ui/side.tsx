// Beside the stream: when one wrote, what was written on this day, picks for today, tags. On telephones it folds up.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call } from "../api/http";
import { formatNumber, t } from "../i18n";
import { address } from "../lib/base";
import { person } from "../store/session";
import { tags } from "../store/labels";
import { entries } from "../store/sender";
import { type Filter, streamAddress } from "../store/stream";
import { HeatMap } from "./heat-map";
import { Picks } from "./picks";
import { useFetched } from "./use";

const WIDE = matchMedia("(min-width: 1100px)");

export function Side({ filter }: { filter: Filter }) {
  const wide = useSignal(WIDE.matches);
  const open = useSignal(false);
  useEffect(() => {
    const listen = (): void => {
      wide.value = WIDE.matches;
    };
    WIDE.addEventListener("change", listen);
    return () => WIDE.removeEventListener("change", listen);
  }, []);
  if (wide.value) {
    return (
      <aside class="side" aria-label={t("side.label")}>
        <Contents filter={filter} />
      </aside>
    );
  }
  return (
    <details class="side folded" onToggle={(event) => (open.value = event.currentTarget.open)}>
      <summary>{t("side.label")}</summary>
      {open.value && <Contents filter={filter} />}
    </details>
  );
}

const zone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Wait until the stream has its memos: what is beside it is less urgent. */
function useLater(): boolean {
  const ready = useSignal(false);
  useEffect(() => {
    const timer = setTimeout(() => (ready.value = true), 250);
    return () => clearTimeout(timer);
  }, []);
  return ready.value;
}

function Contents({ filter }: { filter: Filter }) {
  const ready = useLater();
  const sent = entries.value.length;
  const uid = person.value?.uid;
  const query = { tz: zone() };
  const activity = useFetched(async (signal) => (ready ? call("get", "/api/v1/insights/activity", { query: { days: 182, ...query }, signal }) : null), [ready, uid, sent === 0]);
  const past = useFetched(async (signal) => (ready ? call("get", "/api/v1/insights/on-this-day", { query, signal }) : null), [ready, uid]);
  const picks = useFetched(async (signal) => (ready ? call("get", "/api/v1/insights/daily-recommendations", { signal }) : null), [ready, uid]);
  const shownTags = [...tags.value].filter((tag) => tag.usageCount > 0).sort((one, other) => other.usageCount - one.usageCount);
  return (
    <>
      <section>
        <h2>{t("side.activity")}</h2>
        <HeatMap days={activity.value?.items ?? []} filter={filter} />
      </section>
      <Picks title={t("side.onThisDay")} memos={past.value?.items.slice(0, 5) ?? []} />
      <Picks title={t("side.picks")} memos={picks.value?.items ?? []} />
      {shownTags.length > 0 && (
        <section>
          <h2>{t("nav.tags")}</h2>
          <div class="tag-cloud">
            {shownTags.slice(0, 30).map((tag) => {
              const on = filter.tags.includes(tag.name);
              const next = on ? filter.tags.filter((name) => name !== tag.name) : [...filter.tags, tag.name];
              return (
                <a key={tag.tagId} class={`chip${on ? " on" : ""}`} aria-current={on ? "true" : undefined} href={address(streamAddress({ ...filter, tags: next }))}>
                  #{tag.name} <small>{formatNumber(tag.usageCount)}</small>
                </a>
              );
            })}
          </div>
        </section>
      )}
    </>
  );
}
