// The stream: a composer on top, memos by day below, what is worth a look at the side.
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import { t } from "../i18n";
import { go, place } from "../router";
import { create } from "../store/actions";
import { type Draft, newDraft } from "../store/drafts";
import { filterFrom, isFiltered, Stream, streamAddress } from "../store/stream";
import { Composer } from "../ui/composer";
import { FilterBar } from "../ui/filter-bar";
import { Side } from "../ui/side";
import { StreamList } from "../ui/stream-list";
import { toast } from "../ui/toasts";
import { useTitle } from "../ui/use";
import { streamRefresh } from "../store/sync";

export function Today() {
  const [draft, setDraft] = useState<Draft | null>(null);
  const filterKey = useComputed(() => streamAddress(filterFrom(place.value.query))).value;
  const stream = useMemo(() => new Stream(filterFrom(place.value.query)), [filterKey]);
  const started = useSignal(false);
  useTitle(t("nav.today"));

  useEffect(() => {
    void newDraft(place.value.query.get("draft")).then((found) => {
      setDraft(found);
      started.value = true;
    });
  }, []);
  useEffect(() => {
    void stream.showKept();
    void stream.more();
    return () => stream.close();
  }, [stream]);
  useSignalEffect(() => {
    if (streamRefresh.value) void stream.refresh();
  });
  useSignalEffect(() => {
    if (!started.value || place.value.query.get("compose") === null) return;
    go("/", true);
    setTimeout(() => document.querySelector<HTMLTextAreaElement>("#composer")?.focus());
  });

  return (
    <div class="page with-side">
      <div class="column">
        <h1 class="sr-only">{t("nav.today")}</h1>
        {draft ? (
          <Composer
            key={draft.draftId}
            draft={draft}
            onSave={async (written) => {
              await create(written);
              if (isFiltered(stream.filter)) toast(t("memo.saved"));
            }}
          />
        ) : (
          <div class="composer placeholder" />
        )}
        <FilterBar filter={stream.filter} total={stream.total} />
        <StreamList key={filterKey} stream={stream} />
      </div>
      <Side filter={stream.filter} />
    </div>
  );
}
