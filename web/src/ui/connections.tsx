// What a memo is connected with: memos it refers to, those that refer to it, similar ones, and all of them as a graph.
import type { Memo } from "@aimo/dto";
import { call } from "../api/http";
import { t } from "../i18n/pages/connections";
import { Graph } from "./graph";
import { Picks } from "./picks";
import { useFetched } from "./use";

export function Connections({ memo }: { memo: Memo }) {
  const { memoId } = memo;
  const path = { memoId };
  const back = useFetched((signal) => call("get", "/api/v1/memos/{memoId}/backlinks", { path, signal }), [memoId, memo.updatedAt]);
  const similar = useFetched((signal) => call("get", "/api/v1/memos/{memoId}/related", { path, query: { limit: 6 }, signal }), [memoId]);
  const relations = memo.relations ?? [];
  const backlinks = back.value?.items ?? [];
  const known = new Set([memoId, ...relations.map((one) => one.memoId), ...backlinks.map((one) => one.memoId)]);
  const others = (similar.value?.items ?? []).filter((one) => !known.has(one.memoId)).slice(0, 5);
  return (
    <aside class="side" aria-label={t("memo.connections")}>
      {relations.length + backlinks.length + others.length > 1 && (
        <section>
          <h2>{t("memo.graph")}</h2>
          <Graph centre={memo} relations={relations} backlinks={backlinks} similar={others} />
        </section>
      )}
      <Picks title={t("memo.relations")} memos={relations} />
      <Picks title={t("memo.backlinks")} memos={backlinks} />
      <Picks title={t("memo.similar")} memos={others} />
    </aside>
  );
}
