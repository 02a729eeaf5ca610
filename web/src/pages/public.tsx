// A public memo, for anybody who has its link.
import { call } from "../api/http";
import { formatMoment } from "../i18n";
import { t } from "../i18n/pages/public";
import { address } from "../lib/base";
import { firstLine } from "../lib/text";
import type { PageProps } from "../routes";
import { Attachments } from "../ui/attachments";
import { Markdown } from "../ui/markdown";
import { Problem } from "../ui/problem";
import { Logo } from "../ui/shell";
import { Skeleton } from "../ui/skeleton";
import { useFetched, useSlow, useTitle } from "../ui/use";

export default function PublicPage({ id }: PageProps) {
  const { value, error, pending, again } = useFetched(
    (signal) => call("get", "/api/v1/memos/public/memo/{memoId}", { path: { memoId: id }, signal, anonymous: true }),
    [id],
  );
  const slow = useSlow(pending);
  useTitle(value ? firstLine(value.memo.content, 50) : "");
  if (error) return <Problem error={error} onRetry={again} />;
  if (!value) return slow ? <div class="page narrow"><Skeleton rows={1} /></div> : null;
  const { memo, user } = value;
  const shown = (memo.tags ?? []).filter((tag) => !memo.content.includes(`#${tag.name}`));
  return (
    <div class="page narrow public">
      <h1 class="sr-only">{firstLine(memo.content, 80)}</h1>
      <article class="memo">
        <Markdown text={memo.content} files={memo.attachments} shared />
        <Attachments files={memo.attachments} open />
        {shown.length > 0 && (
          <div class="tags">
            {shown.map((tag) => (
              <span key={tag.tagId} class="tag">
                #{tag.name}
              </span>
            ))}
          </div>
        )}
        <footer>
          <span class="faint">{t("public.by", { name: user.nickname || t("public.somebody"), time: formatMoment(memo.createdAt) })}</span>
        </footer>
      </article>
      <a class="public-brand" href={address("/")}>
        <Logo />
        AIMO
      </a>
    </div>
  );
}
