// A short list of memos by their first lines, beside something else.
import type { Memo, NestedMemo } from "@aimo/dto";
import { formatDate } from "../i18n";
import { address } from "../lib/base";
import { firstLine } from "../lib/text";

type Some = Pick<Memo, "memoId" | "content" | "createdAt"> | NestedMemo;

export function Picks({ title, memos }: { title: string; memos: readonly Some[] }) {
  if (!memos.length) return null;
  return (
    <section>
      <h2>{title}</h2>
      <ul class="picks">
        {memos.map((one) => (
          <li key={one.memoId}>
            <a href={address(`/m/${one.memoId}`)}>
              <span>{firstLine(one.content, 90)}</span>
              <small>{formatDate(one.createdAt)}</small>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
