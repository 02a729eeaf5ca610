// Files of a memo: pictures in a grid, sound and video to play, others to open.
import { useSignal } from "@preact/signals";
import type { Attachment } from "@aimo/dto";
import { locale, t } from "../i18n";
import { downloadAddress, fileAddress, kindOf, sizeOf, thumbnailAddress } from "../lib/files";
import { formatSize } from "../lib/text";
import { fileIcon } from "./file-chip";
import { Icon } from "./icons";
import { Viewer } from "./viewer";

interface Props {
  files: readonly Attachment[];
  /** Whether the reader may not be logged in: then only the addresses in the answer work. */
  open?: boolean;
}

export function Attachments({ files, open: isOpen = false }: Props) {
  const open = useSignal<number | null>(null);
  if (!files.length) return null;
  const sent = files.filter((file) => !file.attachmentId.startsWith("file:"));
  const pictures = sent.filter((file) => kindOf(file.type) === "image");
  const others = files.filter((file) => !pictures.includes(file));
  return (
    <div class="attachments">
      {pictures.length > 0 && (
        <div class={`pictures n${Math.min(pictures.length, 4)}`}>
          {pictures.map((file, index) => (
            <button key={file.attachmentId} type="button" class="picture" aria-label={t("file.view", { name: file.filename })} onClick={() => (open.value = index)} style={pictures.length === 1 ? shapeOf(file) : {}}>
              <img
                src={isOpen ? file.url : thumbnailAddress(file)}
                alt=""
                loading="lazy"
                decoding="async"
                {...sizeOf(file)}
                onError={(event) => {
                  // No small version is made of this kind; the browser may know the whole.
                  if (!event.currentTarget.src.includes("/thumbnail")) return;
                  event.currentTarget.src = fileAddress(file);
                }}
              />
            </button>
          ))}
        </div>
      )}
      {others.map((file) => (
        <Other key={file.attachmentId} file={file} isOpen={isOpen} />
      ))}
      {open.value !== null && <Viewer isOpen={isOpen} pictures={pictures} first={open.value} onClose={() => (open.value = null)} />}
    </div>
  );
}

/** The shape of a picture that stands alone: its own, unless it is very tall or wide. */
function shapeOf(file: Attachment): { aspectRatio?: number } {
  const { width, height } = sizeOf(file);
  return width && height ? { aspectRatio: Math.min(2.4, Math.max(0.75, width / height)) } : {};
}

/** A file that is no picture: to play, open or save. */
export function Other({ file, isOpen = false }: { file: Attachment; isOpen?: boolean }) {
  const shownAt = isOpen ? file.url : fileAddress(file);
  const kind = kindOf(file.type);
  const isSent = !file.attachmentId.startsWith("file:");
  const name = (
    <>
      <Icon name={fileIcon(file.type)} />
      <span class="file-name">
        {file.filename}
        <small>{formatSize(file.size, locale())}</small>
      </span>
    </>
  );
  if (!isSent) return <div class="file-card">{name}</div>;
  return (
    <div class="file-card">
      {kind === "pdf" ? (
        <a class="file-link" href={shownAt} target="_blank" rel="noopener">
          {name}
        </a>
      ) : (
        <a class="file-link" href={isOpen ? file.url : downloadAddress(file)} download={file.filename}>
          {name}
        </a>
      )}
      {kind === "audio" && <audio controls preload="none" src={shownAt} aria-label={file.filename} />}
      {kind === "video" && <video controls preload="metadata" playsInline src={shownAt} aria-label={file.filename} />}
    </div>
  );
}
