import { address } from "./base";

export type Kind = "image" | "audio" | "video" | "pdf" | "other";

/** What a file is shown as. SVG is a document with scripts, not a picture. */
export function kindOf(type: string): Kind {
  if (/^image\/(?!svg)/.test(type)) return "image";
  if (type.startsWith("audio/")) return "audio";
  if (type.startsWith("video/")) return "video";
  return type === "application/pdf" ? "pdf" : "other";
}

/** The address of a file for the logged-in user: it never expires, unlike a signed one. */
export const downloadAddress = (attachmentId: string): string =>
  address(`/api/v1/attachments/${encodeURIComponent(attachmentId)}/download`);

/** Where to show a file from. */
export const fileAddress = (file: { attachmentId: string }): string => downloadAddress(file.attachmentId);

/** A small version of a picture for lists. */
export const thumbnailAddress = (file: { attachmentId: string }): string => fileAddress(file);

/** Width and height of a picture where they are known, so that nothing moves when it loads. */
export function sizeOf(file: object): { width?: number; height?: number } {
  const { width, height } = file as { width?: unknown; height?: unknown };
  return typeof width === "number" && typeof height === "number" && width > 0 && height > 0 ? { width, height } : {};
}
