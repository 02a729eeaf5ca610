// A titled part of a page, with what was fetched for it.
import type { ComponentChildren } from "preact";
import { t } from "../i18n";
import { explain } from "./errors";

interface Props {
  title: string;
  children: ComponentChildren;
  /** What it shows, where that was fetched: a failure is said in its place. */
  of?: { error: unknown; again: () => void };
  /** Buttons beside the title. */
  actions?: ComponentChildren;
}

export function Panel({ title, children, of, actions }: Props) {
  return (
    <section class="card panel">
      <div class="row">
        <h2>{title}</h2>
        <span class="grow" />
        {!of?.error && actions}
      </div>
      {of?.error ? (
        <div class="row">
          <p class="form-error" role="alert">
            {explain(of.error)}
          </p>
          <button type="button" class="button" onClick={of.again}>
            {t("retry")}
          </button>
        </div>
      ) : (
        children
      )}
    </section>
  );
}
