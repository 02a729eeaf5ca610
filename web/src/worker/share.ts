import { openDB } from "idb";

/** Keep what another app shared as a draft of a new memo, and go there. */
export async function keepShared(request: Request, scope: string): Promise<Response> {
  const form = await request.formData();
  const field = (name: string): string => String(form.get(name) ?? "").trim();
  const parts = [field("title"), field("text"), field("url")].filter(Boolean);
  const content = [...new Set(parts)].join("\n");
  const files = form.getAll("files").filter((one): one is File => one instanceof File && one.size > 0);
  const id = (): string => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const draft = {
    draftId: `new:${id()}`,
    content,
    tags: [],
    categoryId: null,
    isPublic: false,
    relationIds: [],
    files: files.map((file) => ({ fileId: id(), name: file.name, type: file.type, size: file.size, blob: file })),
    changedAt: Date.now(),
  };
  // Without a store the client was never opened here: there is nobody whose draft it could be.
  const store = await openDB("aimo");
  if (store.objectStoreNames.contains("drafts")) await store.put("drafts", draft);
  store.close();
  return Response.redirect(new URL(`./?compose=1&draft=${encodeURIComponent(draft.draftId)}`, scope).href, 303);
}
