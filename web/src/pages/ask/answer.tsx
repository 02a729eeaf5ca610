// An answer with its numbered sources, and a source opened beside it.
import { useEffect, useRef } from "preact/hooks";
import type { MessageSource } from "@aimo/dto";
import { formatDate, formatMoment } from "../../i18n";
import { t } from "../../i18n/pages/ask";
import { address } from "../../lib/base";
import { firstLine } from "../../lib/text";
import { fetchMemo } from "../memo";
import { withLinks } from "../../store/ask";
import { Attachments } from "../../ui/attachments";
import { explain } from "../../ui/errors";
import { Icon } from "../../ui/icons";
import { Markdown } from "../../ui/markdown";
import { useFetched } from "../../ui/use";

/** What the server says where there is no answer, in the user's language. */
const FIXED: Record<string, Parameters<typeof t>[0]> = {
  "I could not find any relevant notes in your knowledge base to answer this question.": "ask.nothing",
  "An error occurred while generating the response.": "ask.failed",
  "Unable to generate a response.": "ask.silent",
};

export interface Opened {
  memoId: string;
  number: number;
}

interface Props {
  text: string;
  sources: readonly MessageSource[];
  running?: boolean;
  onOpen: (one: Opened) => void;
}

export function Answer({ text, sources, running = false, onOpen }: Props) {
  const fixed = FIXED[text];
  const ids = sources.map((one) => one.memoId ?? "");
  /** Sources open beside the answer; with a key held down, in a tab as any link does. */
  const open = (event: MouseEvent): void => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest("a");
    const memoId = link?.origin === location.origin ? (/\/m\/([A-Za-z0-9_-]+)$/.exec(link.pathname)?.[1] ?? "") : "";
    if (!ids.includes(memoId)) return;
    event.preventDefault();
    onOpen({ memoId, number: ids.indexOf(memoId) + 1 });
  };
  return (
    <article class="card answer" onClick={open} aria-busy={running}>
      {text ? <Markdown text={fixed ? t(fixed) : withLinks(text, ids)} /> : <p class="faint">{t(sources.length ? "ask.writing" : "ask.looking")}</p>}
      {sources.length > 0 && (
        <ol class="sources" aria-label={t("ask.sources")}>
          {sources.map((one, index) => (
            <li key={index}>
              <a href={address(`/m/${one.memoId ?? ""}`)}>
                <span class="number">{index + 1}</span>
                <span class="grow" dir="auto">
                  {firstLine(one.content ?? "", 80) || t("memo.title")}
                </span>
                {one.createdAt ? <small>{formatDate(one.createdAt)}</small> : null}
              </a>
            </li>
          ))}
        </ol>
      )}
    </article>
  );
}

/** A source beside the answer, or over it where there is no room. Escape closes it. */
export function Beside({ opened, onClose }: { opened: Opened; onClose: () => void }) {
  const head = useRef<HTMLHeadingElement>(null);
  const fetched = useFetched((signal) => fetchMemo(opened.memoId, signal), [opened.memoId]);
  const memo = fetched.value;
  useEffect(() => {
    const before = document.activeElement;
    head.current?.focus();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <aside class="beside card" aria-label={t("ask.source", { number: opened.number })} onKeyDown={(event) => event.key === "Escape" && onClose()}>
      <div class="row">
        <h2 ref={head} tabIndex={-1}>
          {t("ask.source", { number: opened.number })}
        </h2>
        <span class="grow" />
        <button type="button" class="icon-button" aria-label={t("close")} onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      {fetched.error ? (
        <p class="form-error" role="alert">
          {explain(fetched.error)}
        </p>
      ) : null}
      {memo && (
        <>
          <p class="faint">{formatMoment(memo.createdAt)}</p>
          <Markdown text={memo.content} files={memo.attachments} />
          <Attachments files={memo.attachments} />
          <p>
            <a href={address(`/m/${memo.memoId}`)}>{t("memo.open")}</a>
          </p>
        </>
      )}
    </aside>
  );
}
