// Small hooks that pages share.
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { isComposing, isTyping } from "../lib/keys";

/** True after 300 ms: skeletons of what is there sooner would only flicker. */
export function useSlow(pending: boolean): boolean {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    if (!pending) {
      setSlow(false);
      return;
    }
    const timer = setTimeout(setSlow, 300, true);
    return () => clearTimeout(timer);
  }, [pending]);
  return slow && pending;
}

/** Focus an element when it appears. The attribute would be ignored, with a message, where something has the focus. */
export function useFocus<T extends HTMLElement>(): RefObject<T | null> {
  const element = useRef<T>(null);
  useEffect(() => element.current?.focus(), []);
  return element;
}

/** Set the title of the page. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · AIMO` : "AIMO";
  }, [title]);
}

/** Fetch something whenever `keys` change; an answer that comes too late is dropped. */
export function useFetched<T>(fetch: (stop: AbortSignal) => Promise<T>, keys: readonly unknown[]): { value: T | null; error: unknown; again: () => void; pending: boolean } {
  const [state, setState] = useState<{ value: T | null; error: unknown; pending: boolean }>({ value: null, error: null, pending: true });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    setState((before) => ({ ...before, error: null, pending: true }));
    fetch(stop.signal).then(
      (value) => !stop.signal.aborted && setState({ value, error: null, pending: false }),
      (error: unknown) => !stop.signal.aborted && setState((before) => ({ ...before, error, pending: false })),
    );
    return () => stop.abort();
  }, [...keys, round]);
  return { ...state, again: () => setRound((one) => one + 1) };
}

/** Handle single letters while nothing is typed, no dialog is open and no input method is at work. */
export function useKeys(keys: Record<string, (event: KeyboardEvent) => void>): void {
  const latest = useRef(keys);
  latest.current = keys;
  // Before the first paint: a key that is pressed as soon as the page is seen counts.
  useLayoutEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isComposing(event)) return;
      if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
      // The space bar presses what has the focus.
      if (event.key === " " && (event.target as Element).closest("button, a, summary")) return;
      const run = latest.current[event.key];
      if (!run) return;
      event.preventDefault();
      run(event);
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);
}
