// Search from anywhere: what this device knows while typing, then what the server finds by words and by meaning.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Memo } from "@aimo/dto";
import { ApiError, call } from "../api/http";
import { type Key, formatDate, t } from "../i18n";
import { isComposing } from "../lib/keys";
import { go } from "../router";
import { everyMemo } from "../store/memos";
import { findHere, type Found, snippetOf, splitMarks } from "../store/search";
import { Dialog } from "./dialog";
import { explain } from "./errors";
import { Icon } from "./icons";
import { useFocus } from "./use";

export function SearchDialog({ title, onClose }: { title: string; onClose: () => void }) {
  return (
    <Dialog title={title} kind="search-dialog" bare onClose={onClose}>
      <SearchBox first="" onOpen={onClose} onClose={onClose} />
    </Dialog>
  );
}

interface Props {
  first: string;
  /** A result was opened. */
  onOpen: () => void;
  onClose?: () => void;
  onQuery?: (query: string) => void;
}

export function SearchBox({ first, onOpen, onClose, onQuery }: Props) {
  const query = useSignal(first);
  const found = useSignal<readonly Found[]>([]);
  const active = useSignal(0);
  const state = useSignal<{ pending: boolean; note: string }>({ pending: false, note: "" });
  const list = useRef<HTMLUListElement>(null);
  const input = useFocus<HTMLInputElement>();
  const composing = useRef(false);

  const text = query.value.trim();
  useEffect(() => {
    active.value = 0;
    onQuery?.(text);
    if (!text) {
      found.value = [];
      state.value = { pending: false, note: "" };
      return;
    }
    const here = findHere(everyMemo(), text);
    found.value = here;
    state.value = { pending: true, note: "" };
    const stop = new AbortController();
    const timer = setTimeout(() => {
      call("post", "/api/v1/memos/search", { body: { query: text, limit: 30 }, signal: stop.signal }).then(
        (page) => {
          found.value = merged(page.items, here);
          state.value = { pending: false, note: page.degraded ? t("search.degraded") : "" };
        },
        (error: unknown) => {
          if (stop.signal.aborted) return;
          const away = error instanceof ApiError && error.isTransient;
          state.value = { pending: false, note: away ? t("search.local") : explain(error) };
        },
      );
    }, 180);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text]);

  const open = (index: number): void => {
    const one = found.value[index];
    if (!one) return;
    onOpen();
    go(`/m/${one.memo.memoId}`);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (isComposing(event)) return;
    const count = found.value.length;
    if (event.key === "ArrowDown" && count) active.value = (active.value + 1) % count;
    else if (event.key === "ArrowUp" && count) active.value = (active.value + count - 1) % count;
    else if (event.key === "Enter") open(active.value);
    else return;
    event.preventDefault();
    list.current?.children[active.value]?.scrollIntoView({ block: "nearest" });
  };

  return (
    <div class="search">
      <div class="search-field">
        <Icon name="search" />
        <input
          ref={input}
          type="search"
          role="combobox"
          list={undefined}
          aria-expanded={found.value.length > 0}
          aria-controls="search-results"
          aria-activedescendant={found.value.length ? `result-${active.value}` : undefined}
          aria-label={t("search.label")}
          placeholder={t("search.placeholder")}
          value={query.value}
          enterKeyHint="search"
          onCompositionStart={() => (composing.current = true)}
          onCompositionEnd={(event) => {
            composing.current = false;
            query.value = event.currentTarget.value;
          }}
          onInput={(event) => {
            // Half a syllable of pinyin finds nothing that is meant.
            if (!composing.current) query.value = event.currentTarget.value;
          }}
          onKeyDown={onKeyDown}
        />
        {onClose && (
          <button type="button" class="icon-button" aria-label={t("close")} onClick={onClose}>
            <Icon name="close" />
          </button>
        )}
      </div>
      <ul class="results" id="search-results" role="listbox" aria-label={t("search.results")} ref={list}>
        {found.value.map((one, index) => (
          <li key={one.memo.memoId} id={`result-${index}`} role="option" aria-selected={index === active.value} onClick={() => open(index)} onPointerMove={() => (active.value = index)}>
            <p>
              {splitMarks(one.snippet).map((part, place) => (part.marked ? <mark key={place}>{part.text}</mark> : part.text))}
            </p>
            <small>
              {formatDate(one.memo.createdAt)}
              {(one.memo.tags ?? []).slice(0, 3).map((tag) => ` · #${tag.name}`)}
              {one.why.length > 0 && <span class="why">{one.why.map((why) => t(`search.by.${why}` as Key)).join(" + ")}</span>}
            </small>
          </li>
        ))}
      </ul>
      <p class="search-note" role="status">
        {state.value.note || (text && !state.value.pending && !found.value.length ? t("search.nothing") : !text ? t("search.hint") : "")}
      </p>
    </div>
  );
}

/** The server's order first; what only this device found, since it is not sent yet or the server is behind, goes last. */
export function merged(items: readonly Memo[], here: readonly Found[]): Found[] {
  const found = items.map((memo) => ({ memo, snippet: memo.snippet ?? snippetOf(memo.content, []), why: memo.matchedBy ?? [] }));
  const ids = new Set(found.map((one) => one.memo.memoId));
  return [...found, ...here.filter((one) => !ids.has(one.memo.memoId))];
}
