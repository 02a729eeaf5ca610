// A form that sends itself: it waits, and says under its fields what went wrong. What was typed stays.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { t } from "../i18n";
import { explain } from "./errors";

/** The text of a field. */
export const text = (form: FormData, name: string): string => String(form.get(name) ?? "").trim();

interface Props {
  children: ComponentChildren;
  /** Send it; a failure is shown. */
  onSend: (form: FormData, element: HTMLFormElement) => Promise<void>;
  action?: string;
  /** What a failure means here, where there is more to say than usual. */
  meaning?: (error: unknown) => string | null;
  /** More buttons, before the one that sends. */
  buttons?: ComponentChildren;
}

export function Form({ children, onSend, action = t("save"), meaning, buttons }: Props) {
  const failure = useSignal("");
  const pending = useSignal(false);
  const send = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const element = event.currentTarget as HTMLFormElement;
    pending.value = true;
    failure.value = "";
    try {
      await onSend(new FormData(element), element);
    } catch (error) {
      failure.value = meaning?.(error) ?? explain(error);
    } finally {
      pending.value = false;
    }
  };
  return (
    <form class="form" onSubmit={(event) => void send(event)}>
      {children}
      {failure.value && (
        <p class="form-error" role="alert">
          {failure.value}
        </p>
      )}
      <div class="row end">
        {buttons}
        <button type="submit" class="button primary" disabled={pending.value}>
          {action}
        </button>
      </div>
    </form>
  );
}
