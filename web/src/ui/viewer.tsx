// Pictures at full size: zoom by wheel, pinch, double click and keys; drag when zoomed.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Attachment } from "@aimo/dto";
import { t } from "../i18n";
import { address } from "../lib/base";
import { downloadAddress, fileAddress } from "../lib/files";
import { Dialog } from "./dialog";
import { Icon } from "./icons";

interface View {
  scale: number;
  x: number;
  y: number;
}

const WHOLE: View = { scale: 1, x: 0, y: 0 };
const clamp = (scale: number): number => Math.min(8, Math.max(1, scale));

interface Props {
  pictures: readonly Attachment[];
  first: number;
  onClose: () => void;
  /** Whether only the addresses in the answer work, because nobody is logged in. */
  isOpen?: boolean;
  /** The memo that each picture is from, where that is not the page that shows it. */
  memoOf?: (index: number) => string;
  /** Called when few pictures are left. */
  onNearEnd?: () => void;
}

export function Viewer({ pictures, first, onClose, isOpen = false, memoOf, onNearEnd }: Props) {
  const index = useSignal(first);
  const view = useSignal(WHOLE);
  const fingers = useRef(new Map<number, { x: number; y: number }>());
  const file = pictures[index.value];

  const latest = useRef({ pictures, onNearEnd });
  latest.current = { pictures, onNearEnd };

  const show = (step: number): void => {
    const next = index.value + step;
    if (next < 0 || next >= latest.current.pictures.length) return;
    if (next > latest.current.pictures.length - 5) latest.current.onNearEnd?.();
    index.value = next;
    view.value = WHOLE;
  };
  const zoom = (factor: number): void => {
    const scale = clamp(view.value.scale * factor);
    view.value = scale === 1 ? WHOLE : { ...view.value, scale };
  };
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      if (event.key === "ArrowLeft") show(-1);
      else if (event.key === "ArrowRight") show(1);
      else if (event.key === "+" || event.key === "=") zoom(1.5);
      else if (event.key === "-") zoom(1 / 1.5);
      else if (event.key === "0") view.value = WHOLE;
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);

  const move = (event: PointerEvent): void => {
    const before = fingers.current.get(event.pointerId);
    if (!before) return;
    const others = [...fingers.current].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    const other = others[0];
    const now = { x: event.clientX, y: event.clientY };
    if (other) {
      const far = (place: { x: number; y: number }): number => Math.hypot(place.x - other.x, place.y - other.y) || 1;
      zoom(far(now) / far(before));
    } else if (view.value.scale > 1) {
      view.value = { ...view.value, x: view.value.x + now.x - before.x, y: view.value.y + now.y - before.y };
    }
    fingers.current.set(event.pointerId, now);
  };

  if (!file) return null;
  const { scale, x, y } = view.value;
  return (
    <Dialog title={file.filename} kind="viewer" bare onClose={onClose}>
      <div
        class="viewer-stage"
        onWheel={(event) => {
          event.preventDefault();
          zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15);
        }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          fingers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
        }}
        onPointerMove={move}
        onPointerUp={(event) => fingers.current.delete(event.pointerId)}
        onPointerCancel={(event) => fingers.current.delete(event.pointerId)}
        onDblClick={() => (scale > 1 ? (view.value = WHOLE) : zoom(2.5))}
      >
        <img src={isOpen ? file.url : fileAddress(file)} alt={file.filename} draggable={false} style={{ transform: `translate(${x}px, ${y}px) scale(${scale})` }} />
      </div>
      <div class="viewer-bar">
        <button type="button" class="icon-button" aria-label={t("viewer.previous")} disabled={index.value === 0} onClick={() => show(-1)}>
          <Icon name="back" />
        </button>
        <span class="file-name">
          {file.filename}
          {pictures.length > 1 && <small>{` ${index.value + 1} / ${pictures.length}`}</small>}
        </span>
        {memoOf && (
          <a class="icon-button" href={address(`/m/${encodeURIComponent(memoOf(index.value))}`)} aria-label={t("memo.open")} title={t("memo.open")}>
            <Icon name="today" />
          </a>
        )}
        <a class="icon-button" href={isOpen ? file.url : downloadAddress(file)} download={file.filename} aria-label={t("viewer.download")}>
          <Icon name="down" />
        </a>
        <button type="button" class="icon-button" aria-label={t("viewer.next")} disabled={index.value === pictures.length - 1} onClick={() => show(1)}>
          <Icon name="next" />
        </button>
        <button type="button" class="icon-button" aria-label={t("close")} onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
    </Dialog>
  );
}
