import { useEffect, useMemo } from "preact/hooks";
import { locale, t } from "../i18n";
import { kindOf, thumbnailAddress } from "../lib/files";
import { formatSize } from "../lib/text";
import type { FileToSend } from "../store/outbox";
import { Icon, type IconName } from "./icons";

export const fileIcon = (type: string): IconName => {
  const kind = kindOf(type);
  return kind === "image" ? "gallery" : kind === "audio" ? "audio" : kind === "video" ? "video" : "file";
};

/** A file of a draft, with the progress of its upload. */
export function FileChip({ file, progress, onRemove }: { file: FileToSend; progress: number | undefined; onRemove: () => void }) {
  const local = useMemo(() => (file.blob && kindOf(file.type) === "image" ? URL.createObjectURL(file.blob) : null), [file.blob]);
  useEffect(() => () => void (local && URL.revokeObjectURL(local)), [local]);
  const picture = local ?? (file.attachment && kindOf(file.type) === "image" ? thumbnailAddress(file.attachment, 160) : null);
  return (
    <li class="file-chip">
      {picture ? <img src={picture} alt="" /> : <Icon name={fileIcon(file.type)} />}
      <span class="file-name" title={file.name}>
        {file.name}
        <small>{progress === undefined ? formatSize(file.size, locale()) : `${Math.round(progress * 100)} %`}</small>
      </span>
      <button type="button" class="icon-button small" aria-label={t("composer.removeFile", { name: file.name })} onClick={onRemove}>
        <Icon name="close" size={16} />
      </button>
      {progress !== undefined && <progress value={progress} max={1} aria-label={t("composer.progress", { name: file.name })} />}
    </li>
  );
}
