// A titled list whose entries are added and changed in a dialog, and deleted after a question.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { t } from "../i18n";
import { Confirm } from "./dialog";
import { report } from "./errors";
import { Icon } from "./icons";
import { type Action, Menu } from "./menu";
import { Panel } from "./panel";

interface Props<T> {
  title: string;
  /** What the button that adds one says. */
  add: string;
  /** What was fetched for it. */
  of: { error: unknown; again: () => void };
  entries: readonly T[];
  idOf: (entry: T) => string;
  nameOf: (entry: T) => string;
  row: (entry: T) => ComponentChildren;
  /** Actions besides changing and deleting. */
  actions?: (entry: T) => Action[];
  /** The dialog that changes an entry; null: that makes one. */
  dialog: (entry: T | null, onClose: () => void, onDone: () => void) => ComponentChildren;
  /** The question before an entry is deleted, and how that is done. */
  removal: { title: string; text: (name: string) => string; run: (entry: T) => Promise<unknown> };
  /** Above and below the entries. */
  above?: ComponentChildren;
  below?: ComponentChildren;
}

export function EditableList<T>({ title, add, of, entries, idOf, nameOf, row, actions, dialog, removal, above, below }: Props<T>) {
  const edited = useSignal<T | "new" | null>(null);
  const asked = useSignal<T | null>(null);
  const close = (): void => {
    edited.value = null;
  };
  const remove = async (entry: T): Promise<void> => {
    await removal.run(entry);
    of.again();
  };
  const button = (
    <button type="button" class="button" onClick={() => (edited.value = "new")}>
      <Icon name="plus" size={18} /> {add}
    </button>
  );
  return (
    <Panel title={title} of={of} actions={button}>
      {above}
      <ul class="rows">
        {entries.map((entry) => (
          <li key={idOf(entry)}>
            {row(entry)}
            <Menu
              label={t("actions.of", { name: nameOf(entry) })}
              actions={[
                { label: t("memo.edit"), icon: "edit", run: () => (edited.value = entry) },
                ...(actions?.(entry) ?? []),
                { label: t("memo.delete"), icon: "trash", danger: true, run: () => (asked.value = entry) },
              ]}
            >
              <Icon name="more" />
            </Menu>
          </li>
        ))}
      </ul>
      {below}
      {edited.value &&
        dialog(edited.value === "new" ? null : edited.value, close, () => {
          close();
          of.again();
        })}
      {asked.value && (
        <Confirm
          title={removal.title}
          text={removal.text(nameOf(asked.value))}
          action={t("memo.delete")}
          onClose={() => (asked.value = null)}
          onYes={() => asked.value && void remove(asked.value).catch(report)}
        />
      )}
    </Panel>
  );
}
