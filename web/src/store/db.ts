// What is kept on this device, in IndexedDB: memos, drafts, changes to send, facts.
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Memo } from "@aimo/dto";
import type { Entry } from "./outbox";
import type { Draft } from "./drafts";

interface Kept extends DBSchema {
  memos: { key: string; value: Memo; indexes: { createdAt: number } };
  drafts: { key: string; value: Draft };
  outbox: { key: number; value: Entry };
  facts: { key: string; value: unknown };
}

export type Database = IDBPDatabase<Kept>;

let opened: Promise<Database> | null = null;

/** The store of this device; opened at the first use. */
export function database(): Promise<Database> {
  opened ??= openDB<Kept>("aimo", 1, {
    upgrade(store) {
      store.createObjectStore("memos", { keyPath: "memoId" }).createIndex("createdAt", "createdAt");
      store.createObjectStore("drafts", { keyPath: "draftId" });
      store.createObjectStore("outbox", { keyPath: "seq", autoIncrement: true });
      store.createObjectStore("facts");
    },
    blocking: (_old, _new, event) => (event.target as IDBDatabase).close(),
    terminated: () => {
      opened = null;
    },
  });
  return opened;
}

export async function fact<T>(name: string): Promise<T | undefined> {
  return (await (await database()).get("facts", name)) as T | undefined;
}

export async function setFact(name: string, value: unknown): Promise<void> {
  await (await database()).put("facts", value, name);
}

export async function dropFact(name: string): Promise<void> {
  await (await database()).delete("facts", name);
}

/** Empty the whole store: on logout, and before somebody else's memos come in. */
export async function wipe(): Promise<void> {
  const store = await database();
  const all = store.transaction(["memos", "drafts", "outbox", "facts"], "readwrite");
  await Promise.all([...all.objectStoreNames].map((name) => all.objectStore(name).clear()));
  await all.done;
}
