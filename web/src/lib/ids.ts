/** A random id: 128 bits as hex. Unlike `crypto.randomUUID` it also exists on plain-HTTP addresses. */
export function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const LOCAL = "local-";

/** An id for a memo that the server does not know yet. */
export const localId = (): string => LOCAL + randomId();

/** Whether an id was made here and never came from the server. */
export const isLocal = (id: string): boolean => id.startsWith(LOCAL);
