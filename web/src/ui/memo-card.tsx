// A memo in the stream and in other lists.
import { useSignal } from "@preact/signals";
import { formatMoment, formatTime, t } from "../i18n";
import { address } from "../lib/base";
import { isLocal } from "../lib/ids";
import { go } from "../router";
import { checkTask, remove, setPublic } from "../store/actions";
import { categoryOf } from "../store/labels";
import type { Shown } from "../store/outbox";
import { streamAddress } from "../store/stream";
import { Attachments } from "./attachments";
import { copyMarkdown, copyPublicLink } from "./copy";
import { report } from "./errors";
import { Icon } from "./icons";
import { Markdown } from "./markdown";
import { type Action, Menu } from "./menu";

/** A memo is cut at this many characters or lines in lists. */
const LONG = { characters: 600, lines: 14 };

/** The beginning of a long text, cut at a line where there is one; null when it is not long. */
export function beginning(content: string): string | null {
  const lines = content.split("\n");
  if (content.length <= LONG.characters * 1.2 && lines.length <= LONG.lines + 2) return null;
  const cut = lines.slice(0, LONG.lines).join("\n");
  if (cut.length <= LONG.characters) return cut;
  const end = cut.lastIndexOf("\n", LONG.characters);
  return `${cut.slice(0, end > LONG.characters / 2 ? end : LONG.characters)} …`;
}

export function actionsOf(memo: Shown): Action[] {
  const open = isLocal(memo.memoId)
    ? []
    : ([{ label: t("memo.open"), icon: "eye", run: () => go(`/m/${memo.memoId}`) }] as Action[]);
  return [
    ...open,
    { label: t("memo.edit"), icon: "edit", run: () => go(`/m/${memo.memoId}?edit=1`) },
    { label: t("memo.copy"), icon: "copy", run: () => void copyMarkdown(memo) },
    ...(memo.isPublic ? ([{ label: t("memo.copyLink"), icon: "link", run: () => void copyPublicLink(memo) }] as Action[]) : []),
    {
      label: t(memo.isPublic ? "memo.makePrivate" : "memo.makePublic"),
      icon: memo.isPublic ? "lock" : "globe",
      run: () => void setPublic(memo, !memo.isPublic).catch(report),
    },
    { label: t("memo.delete"), icon: "trash", danger: true, run: () => void remove(memo.memoId).catch(report) },
  ];
}

export function MemoMeta({ memo, withDate = false }: { memo: Shown; withDate?: boolean }) {
  const category = categoryOf(memo.categoryId);
  return (
    <div class="meta">
      <a class="time" href={address(`/m/${memo.memoId}`)} title={formatMoment(memo.createdAt)}>
        <time dateTime={new Date(memo.createdAt).toISOString()}>{withDate ? formatMoment(memo.createdAt) : formatTime(memo.createdAt)}</time>
      </a>
      {category && (
        <a class="category" href={address(streamAddress({ category: category.categoryId }))}>
          {category.name}
        </a>
      )}
      {memo.isPublic && (
        <span class="mark" title={t("memo.isPublic")}>
          <Icon name="globe" size={14} />
          <span class="sr-only">{t("memo.isPublic")}</span>
        </span>
      )}
      {memo.pending && (
        <span class={`mark ${memo.pending}`} title={t(`pending.${memo.pending}`)}>
          <Icon name={memo.pending === "waiting" ? "wait" : "warn"} size={14} />
          {memo.pending === "waiting" ? <span class="sr-only">{t("pending.waiting")}</span> : t(`pending.${memo.pending}`)}
        </span>
      )}
    </div>
  );
}

export function TagLinks({ memo }: { memo: Shown }) {
  const shown = (memo.tags ?? []).filter((tag) => !memo.content.includes(`#${tag.name}`));
  if (!shown.length) return null;
  return (
    <div class="tags">
      {shown.map((tag) => (
        <a key={tag.tagId} class="tag" href={address(streamAddress({ tags: [tag.name] }))}>
          #{tag.name}
        </a>
      ))}
    </div>
  );
}

interface Props {
  memo: Shown;
  selected?: boolean;
  withDate?: boolean;
}

export function MemoCard({ memo, selected = false, withDate = false }: Props) {
  const whole = useSignal(false);
  const start = whole.value ? null : beginning(memo.content);
  return (
    <article
      class={`card${selected ? " selected" : ""}`}
      aria-label={t("memo.at", { time: formatMoment(memo.createdAt) })}
      tabIndex={-1}
    >
      <header class="card-head">
        <MemoMeta memo={memo} withDate={withDate} />
        <Menu label={t("memo.actions")} actions={actionsOf(memo)}>
          <Icon name="more" />
        </Menu>
      </header>
      <Markdown
        text={start ?? memo.content}
        files={memo.attachments}
        onTask={start === null ? (index, done) => void checkTask(memo, index, done).catch(report) : undefined}
      />
      {start !== null && (
        <button type="button" class="more" aria-expanded={false} onClick={() => (whole.value = true)}>
          {t("memo.showAll")}
        </button>
      )}
      <Attachments files={memo.attachments} />
      <TagLinks memo={memo} />
    </article>
  );
}
