import { address } from "./base";

export type Kind = "image" | "audio" | "video" | "pdf" | "other";

/** What a file is shown as. SVG is a document with scripts, not a picture. */
export function kindOf(type: string): Kind {
  if (/^image\/(?!svg)/.test(type)) return "image";
  if (type.startsWith("audio/")) return "audio";
  if (type.startsWith("video/")) return "video";
  return type === "application/pdf" ? "pdf" : "other";
}

interface File {
  attachmentId: string;
}

// The login's cookie opens these, so that they do not expire while a page is open, as signed addresses do.
const route = ({ attachmentId }: File, what: string): string => address(`/api/v1/attachments/${encodeURIComponent(attachmentId)}/${what}`);

/** Where to save a file from. */
export const downloadAddress = (file: File): string => route(file, "download");

/** Where to show a file from, in parts as well. */
export const fileAddress = (file: File): string => route(file, "file");

/** A small version of a picture; there is none of every kind. */
export const thumbnailAddress = (file: File, width: 160 | 320 | 640 | 1280 = 640): string => route(file, `thumbnail?w=${width}`);

/** Width and height of a picture where they are known, so that nothing moves when it loads. */
export function sizeOf({ width, height }: { width?: number; height?: number }): { width?: number; height?: number } {
  return width && height && width > 0 && height > 0 ? { width, height } : {};
}
