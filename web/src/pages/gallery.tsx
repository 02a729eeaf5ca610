// Pictures of one's memos in a grid, and their other files in a list.
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { formatMonth } from "../i18n";
import { t } from "../i18n/pages/gallery";
import { address } from "../lib/base";
import { fileAddress, thumbnailAddress } from "../lib/files";
import { place, returned, savedPosition } from "../router";
import { Gallery, SHELVES, type Shelf, shelfOf, type Shown } from "../store/gallery";
import { Other } from "../ui/attachments";
import { Heights } from "../ui/heights";
import { Problem } from "../ui/problem";
import { Skeleton } from "../ui/skeleton";
import { useSlow, useTitle } from "../ui/use";
import { Viewer } from "../ui/viewer";
import { VirtualList } from "../ui/virtual-list";

type Row = { key: string; month: string } | { key: string; files: Shown[] };

const GAP = 6;
const MONTH = 52;
const FILE = 92;

/** What is shown outlives the page, so that coming back from a memo finds the same place. */
let last: Gallery | null = null;

/** Rows of `columns` files, with the month above the first of each. */
function rowsOf(files: readonly Shown[], columns: number): Row[] {
  const rows: Row[] = [];
  let month = 0;
  let row: Shown[] = [];
  for (const one of files) {
    const day = new Date(one.time);
    const its = 12 * day.getFullYear() + day.getMonth();
    if (its !== month) rows.push({ key: `month ${its}`, month: formatMonth(one.time) });
    if (its !== month || row.length === columns) {
      row = [];
      rows.push({ key: `${columns} ${one.key}`, files: row });
    }
    month = its;
    row.push(one);
  }
  return rows;
}

export default function GalleryPage() {
  useTitle(t("nav.gallery"));
  const gallery = useMemo(() => (last = returned.value && last ? last : new Gallery()), []);
  const asked = place.value.query.get("kind");
  const shelf = SHELVES.find((one) => one === asked) ?? "pictures";
  const open = useSignal<number | null>(null);
  const heights = useMemo(() => new Heights(), []);
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const wanted = gallery.files.value.filter((one) => shelfOf(one.file.type) === shelf);
  const columns = shelf === "pictures" ? Math.max(3, Math.floor(width / 170)) : 1;
  const tile = Math.floor((width - GAP * (columns - 1)) / columns);
  const rows = useMemo(() => (width ? rowsOf(wanted, columns) : []), [gallery.files.value, shelf, columns, width > 0]);
  const slow = useSlow(gallery.pending.value && !wanted.length);
  const pictures = useComputed(() => gallery.files.value.filter((one) => shelfOf(one.file.type) === "pictures"));
  const more = (): void => void (gallery.error.value ? undefined : gallery.more(shelf));

  useLayoutEffect(() => {
    const measure = (): void => setWidth(box.current?.clientWidth ?? 0);
    measure();
    addEventListener("resize", measure);
    return () => removeEventListener("resize", measure);
  }, []);
  useEffect(() => {
    if (!wanted.length) more();
  }, [shelf]);
  const restored = useRef(false);
  useLayoutEffect(() => {
    if (restored.current || !rows.length) return;
    restored.current = true;
    if (returned.value) scrollTo(0, savedPosition());
  }, [rows.length]);

  return (
    <div class="page wide">
      <div class="page-head">
        <h1>{t("nav.gallery")}</h1>
        <span class="grow" />
        <nav class="chips" aria-label={t("gallery.kinds")}>
          {SHELVES.map((one) => (
            <a key={one} class={one === shelf ? "chip on" : "chip"} aria-current={one === shelf ? "true" : undefined} href={address(linkTo(one))}>
              {t(`gallery.${one}`)}
            </a>
          ))}
        </nav>
      </div>
      <div ref={box}>
        {slow && <Skeleton rows={3} />}
        {rows.length > 0 && (
          <VirtualList
            key={`${shelf} ${columns}`}
            rows={rows}
            keyOf={(row) => row.key}
            guess={(row) => ("month" in row ? MONTH : shelf === "pictures" ? tile + GAP : FILE)}
            heights={heights}
            onNearEnd={more}
            draw={(row) =>
              "month" in row ? (
                <h2 class="day">{row.month}</h2>
              ) : shelf === "pictures" ? (
                <div class="tiles" style={{ gridTemplateColumns: `repeat(${columns}, 1fr)` }}>
                  {row.files.map((one) => (
                    <Tile key={one.key} shown={one} onOpen={() => (open.value = pictures.value.indexOf(one))} />
                  ))}
                </div>
              ) : (
                row.files.map((one) => <Document key={one.key} shown={one} />)
              )
            }
          />
        )}
      </div>
      {!gallery.pending.value && !wanted.length && !gallery.error.value && (
        <section class="empty">
          <h2>{t("gallery.empty")}</h2>
          <p>{t("gallery.emptyText")}</p>
        </section>
      )}
      {gallery.error.value !== null && !wanted.length && <Problem error={gallery.error.value} onRetry={() => void gallery.more(shelf)} />}
      {gallery.error.value !== null && wanted.length > 0 && (
        <div class="row center">
          <button type="button" class="button" onClick={() => void gallery.more(shelf)}>
            {t("stream.more")}
          </button>
        </div>
      )}
      {open.value !== null && (
        <Viewer
          pictures={pictures.value.map((one) => one.file)}
          first={open.value}
          memoOf={(index) => pictures.value[index]?.memoId ?? ""}
          onNearEnd={more}
          onClose={() => (open.value = null)}
        />
      )}
    </div>
  );
}

const linkTo = (shelf: Shelf): string => (shelf === "pictures" ? "/gallery" : `/gallery?kind=${shelf}`);

function Tile({ shown: { file }, onOpen }: { shown: Shown; onOpen: () => void }) {
  return (
    <button type="button" class="picture" aria-label={t("file.view", { name: file.filename })} onClick={onOpen}>
      <img
        src={thumbnailAddress(file, 320)}
        alt=""
        decoding="async"
        onError={(event) => {
          // No small version is made of this kind; the browser may know the whole.
          if (event.currentTarget.src.includes("/thumbnail")) event.currentTarget.src = fileAddress(file);
        }}
      />
    </button>
  );
}

function Document({ shown: { file, memoId } }: { shown: Shown }) {
  return (
    <div class="document">
      <Other file={file} />
      <a href={address(`/m/${encodeURIComponent(memoId)}`)} aria-label={`${t("gallery.memo")}: ${file.filename}`}>
        {t("gallery.memo")}
      </a>
    </div>
  );
}
