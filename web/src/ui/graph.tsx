// A memo in the middle, its neighbours around it.
import type { Memo, NestedMemo } from "@aimo/dto";
import { t } from "../i18n/pages/connections";
import { address } from "../lib/base";
import { firstLine } from "../lib/text";

type Some = Pick<Memo, "memoId" | "content"> | NestedMemo;

interface Props {
  centre: Memo;
  relations: readonly Some[];
  backlinks: readonly Some[];
  similar: readonly Some[];
}

const WIDTH = 280;
const HEIGHT = 220;

export function Graph({ centre, relations, backlinks, similar }: Props) {
  const nodes = [
    ...relations.map((memo) => ({ memo, kind: "to" })),
    ...backlinks.map((memo) => ({ memo, kind: "from" })),
    ...similar.map((memo) => ({ memo, kind: "like" })),
  ].slice(0, 12);
  const placed = nodes.map((node, index) => {
    const angle = (2 * Math.PI * index) / nodes.length - Math.PI / 2;
    return { ...node, x: WIDTH / 2 + Math.cos(angle) * 104, y: HEIGHT / 2 + Math.sin(angle) * 80 };
  });
  return (
    <svg class="graph" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="group" aria-label={t("memo.graph")}>
      {placed.map(({ memo, kind, x, y }) => (
        <line key={memo.memoId} class={kind} x1={WIDTH / 2} y1={HEIGHT / 2} x2={x} y2={y} />
      ))}
      <circle class="centre" cx={WIDTH / 2} cy={HEIGHT / 2} r="11">
        <title>{firstLine(centre.content)}</title>
      </circle>
      {placed.map(({ memo, kind, x, y }) => (
        <a key={memo.memoId} href={address(`/m/${memo.memoId}`)} aria-label={firstLine(memo.content)} tabIndex={-1}>
          <circle class={kind} cx={x} cy={y} r="8">
            <title>{firstLine(memo.content)}</title>
          </circle>
          <text x={x} y={y + 21} text-anchor="middle">
            {firstLine(memo.content, 7)}
          </text>
        </a>
      ))}
    </svg>
  );
}
