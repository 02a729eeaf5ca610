// Short messages at the lower edge, some with an action such as undo.
import { signal } from "@preact/signals";
import { t } from "../i18n";
import { Icon } from "./icons";

interface Toast {
  id: number;
  text: string;
  bad: boolean;
  action?: { label: string; run: () => void };
}

const toasts = signal<readonly Toast[]>([]);
let last = 0;

/** How long an action such as undo is offered, in milliseconds. */
export const UNDO_TIME = 8000;

export const dismiss = (id: number): void => {
  toasts.value = toasts.value.filter((one) => one.id !== id);
};

/** Show a message; the latest three stay. Failures remain until they are closed. */
export function toast(text: string, options: { bad?: boolean; action?: Toast["action"]; time?: number } = {}): number {
  last += 1;
  const one: Toast = { id: last, text, bad: options.bad ?? false, ...(options.action && { action: options.action }) };
  toasts.value = [...toasts.value.slice(-2), one];
  if (!one.bad) setTimeout(dismiss, options.time ?? (one.action ? UNDO_TIME : 4000), one.id);
  return one.id;
}

/** Run the action of the newest message that has one: the key for undo. */
export function runAction(): boolean {
  const one = toasts.value.findLast((each) => each.action);
  if (!one) return false;
  dismiss(one.id);
  one.action?.run();
  return true;
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((one) => (
        <div key={one.id} class={`toast${one.bad ? " bad" : ""}`}>
          <span>{one.text}</span>
          {one.action && (
            <button
              type="button"
              class="toast-action"
              onClick={() => {
                dismiss(one.id);
                one.action?.run();
              }}
            >
              {one.action.label}
            </button>
          )}
          {one.bad && (
            <button type="button" class="icon-button" aria-label={t("close")} onClick={() => dismiss(one.id)}>
              <Icon name="close" size={18} />
            </button>
          )}
        </div>
      ))}
    </div>
  );
}
