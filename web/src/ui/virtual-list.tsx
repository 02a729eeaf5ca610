// A long list of which only what is near the window is in the document. The page itself scrolls.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Heights } from "./heights";

interface Props<Row> {
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  /** A first guess of a row's height, in pixels; it is measured when it is shown. */
  guess: (row: Row) => number;
  draw: (row: Row, index: number) => ComponentChildren;
  /** Called when fewer rows than a few windows are left below. */
  onNearEnd: () => void;
  /** Key of a row that shall be brought into view. */
  reveal?: string | null;
  heights: Heights;
}

const MARGIN = 900;

export function VirtualList<Row>({ rows, keyOf, guess, draw, onNearEnd, reveal, heights }: Props<Row>) {
  const box = useRef<HTMLDivElement>(null);
  const [window_, setWindow] = useState({ from: 0, to: 12 });
  const [, measured] = useState(0);
  const latest = useRef({ rows, onNearEnd });
  latest.current = { rows, onNearEnd };
  heights.use(rows.map(keyOf), (index) => guess(rows[index] as Row));

  const update = useRef(() => undefined as void);
  update.current = () => {
    if (!box.current) return;
    const top = -box.current.getBoundingClientRect().top;
    const from = heights.at(top - MARGIN);
    const to = Math.min(latest.current.rows.length, heights.at(top + innerHeight + MARGIN) + 1);
    setWindow((before) => (before.from === from && before.to === to ? before : { from, to }));
    if (heights.total - (top + innerHeight) < 3 * innerHeight) latest.current.onNearEnd();
  };

  useEffect(() => {
    let frame = 0;
    const soon = (): void => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => update.current());
    };
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", soon);
      removeEventListener("resize", soon);
    };
  }, []);
  useLayoutEffect(() => update.current(), [rows]);

  const observer = useRef<ResizeObserver | null>(null);
  observer.current ??= new ResizeObserver((seen) => {
    let changed = false;
    for (const { target, borderBoxSize } of seen) {
      const key = (target as HTMLElement).dataset["key"];
      const height = borderBoxSize[0]?.blockSize ?? 0;
      if (key && target.isConnected && height > 0) changed = heights.set(key, height) || changed;
    }
    if (changed) {
      measured((round) => round + 1);
      update.current();
    }
  });
  useEffect(() => () => observer.current?.disconnect(), []);

  useEffect(() => {
    const index = reveal ? rows.findIndex((row) => keyOf(row) === reveal) : -1;
    if (index < 0 || !box.current) return;
    const top = box.current.getBoundingClientRect().top + heights.offset(index);
    const bottom = top + heights.height(index);
    if (top < 80) scrollBy({ top: top - 80 });
    else if (bottom > innerHeight - 90) scrollBy({ top: Math.min(bottom - innerHeight + 90, top - 80) });
  }, [reveal]);

  const from = Math.min(window_.from, rows.length);
  const to = Math.min(Math.max(window_.to, from), rows.length);
  return (
    <div
      ref={box}
      class="virtual"
      style={{ paddingTop: `${heights.offset(from)}px`, paddingBottom: `${Math.max(0, heights.total - heights.offset(to))}px` }}
    >
      {rows.slice(from, to).map((row, place) => (
        <Measured key={keyOf(row)} name={keyOf(row)} observer={observer.current as ResizeObserver}>
          {draw(row, from + place)}
        </Measured>
      ))}
    </div>
  );
}

function Measured({ name, observer, children }: { name: string; observer: ResizeObserver; children: ComponentChildren }) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const one = element.current as HTMLDivElement;
    observer.observe(one);
    return () => observer.unobserve(one);
  }, []);
  return (
    <div ref={element} data-key={name} class="virtual-row">
      {children}
    </div>
  );
}
