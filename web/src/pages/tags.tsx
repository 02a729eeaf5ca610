// Tags and categories: names, colours, and how many memos carry them.
import { useSignal } from "@preact/signals";
import type { Category, Tag } from "@aimo/dto";
import { ApiError, call } from "../api/http";
import { formatNumber } from "../i18n";
import { t, tn } from "../i18n/pages/labels";
import { address } from "../lib/base";
import { fold } from "../lib/text";
import { categories, fetchLabels, tags } from "../store/labels";
import { streamAddress } from "../store/stream";
import { refreshRest } from "../store/sync";
import { Confirm, Dialog } from "../ui/dialog";
import { report } from "../ui/errors";
import { Form, text } from "../ui/form";
import { Icon } from "../ui/icons";
import { Menu } from "../ui/menu";
import { Panel } from "../ui/panel";
import { toast } from "../ui/toasts";
import { useTitle } from "../ui/use";

/** What both kinds have in common. */
interface Label {
  kind: "tag" | "category";
  id: string;
  name: string;
  color: string | null;
  /** How many memos carry it; null: the server does not count. */
  count: number | null;
  href: string;
}

const ofTag = (tag: Tag): Label => ({
  kind: "tag",
  id: tag.tagId,
  name: tag.name,
  color: tag.color ?? null,
  count: tag.usageCount,
  href: streamAddress({ tags: [tag.name] }),
});

const ofCategory = (one: Category): Label => ({
  kind: "category",
  id: one.categoryId,
  name: one.name,
  color: one.color ?? null,
  count: null,
  href: streamAddress({ category: one.categoryId }),
});

type Edited = { kind: Label["kind"]; label: Label | null };

async function save({ kind, label }: Edited, name: string, color: string | null): Promise<void> {
  if (kind === "tag") {
    if (label) await call("put", "/api/v1/tags/{tagId}", { path: { tagId: label.id }, body: { name, color } });
    else await call("post", "/api/v1/tags", { body: { name, ...(color && { color }) } });
  } else if (label) await call("put", "/api/v1/categories/{categoryId}", { path: { categoryId: label.id }, body: { name, color } });
  else await call("post", "/api/v1/categories", { body: { name, ...(color && { color }) } });
}

async function remove({ kind, id, name }: Label): Promise<void> {
  if (kind === "tag") await call("delete", "/api/v1/tags/{tagId}", { path: { tagId: id } });
  else await call("delete", "/api/v1/categories/{categoryId}", { path: { categoryId: id } });
  await refreshRest();
  toast(t("labels.deleted", { name }));
}

/** Whether the server refused a name because another one has it. */
const isTaken = (error: unknown): boolean => error instanceof ApiError && (error.code === 3001 || error.message === "Another tag has this name");

/** A colour as `#rrggbb`, as fields for colours want it; null for any other text. */
const plainColor = (color: string | null): string | null => (color && /^#[0-9a-f]{6}$/i.test(color) ? color.toLowerCase() : null);

export default function Tags() {
  useTitle(t("labels.title"));
  const wanted = useSignal("");
  const edited = useSignal<Edited | null>(null);
  const asked = useSignal<Label | null>(null);
  const found = (label: Label): boolean => fold(label.name).includes(fold(wanted.value.trim()));
  const shownTags = tags.value.map(ofTag).filter(found).sort((one, other) => (other.count ?? 0) - (one.count ?? 0));
  const shownCategories = categories.value.map(ofCategory).filter(found);
  const rows = (labels: readonly Label[]) => (
    <ul class="rows">
      {labels.map((label) => (
        <Row key={label.id} label={label} onEdit={() => (edited.value = { kind: label.kind, label })} onDelete={() => (asked.value = label)} />
      ))}
    </ul>
  );
  const add = (kind: Label["kind"]) => (
    <button type="button" class="button" onClick={() => (edited.value = { kind, label: null })}>
      <Icon name="plus" size={18} /> {t(kind === "tag" ? "labels.newTag" : "labels.newCategory")}
    </button>
  );
  return (
    <div class="page narrow">
      <div class="page-head">
        <h1>{t("labels.title")}</h1>
        <span class="grow" />
        <input
          type="search"
          class="small-search"
          aria-label={t("labels.search")}
          placeholder={t("labels.search")}
          value={wanted.value}
          onInput={(event) => (wanted.value = event.currentTarget.value)}
        />
      </div>
      <Panel title={t("labels.categories")} actions={add("category")}>
        {rows(shownCategories)}
        {!shownCategories.length && <p class="hint">{t(wanted.value ? "search.nothing" : "labels.noCategories")}</p>}
      </Panel>
      <Panel title={t("nav.tags")} actions={add("tag")}>
        {rows(shownTags)}
        {!shownTags.length && <p class="hint">{t(wanted.value ? "search.nothing" : "labels.noTags")}</p>}
      </Panel>
      {edited.value && <Editor edited={edited.value} onClose={() => (edited.value = null)} />}
      {asked.value && (
        <Confirm
          title={t("labels.deleteTitle", { name: asked.value.name })}
          text={asked.value.count === null ? t("labels.deleteCategory") : tn("labels.deleteTag", asked.value.count)}
          action={t("memo.delete")}
          onClose={() => (asked.value = null)}
          onYes={() => asked.value && void remove(asked.value).catch(report)}
        />
      )}
    </div>
  );
}

function Row({ label, onEdit, onDelete }: { label: Label; onEdit: () => void; onDelete: () => void }) {
  const color = plainColor(label.color);
  return (
    <li>
      {/* The colour of a person's choice is set through the CSSOM: no style stands in the markup. */}
      <span class="swatch" aria-hidden="true" ref={(element) => void (element && (element.style.background = color ?? ""))} />
      <a class="grow label-name" href={address(label.href)} dir="auto">
        {label.kind === "tag" ? `#${label.name}` : label.name}
      </a>
      {label.count !== null && (
        <span class="faint" title={tn("stream.count", label.count)}>
          {formatNumber(label.count)}
        </span>
      )}
      <Menu
        label={t("actions.of", { name: label.name })}
        actions={[
          { label: t("labels.edit"), icon: "edit", run: onEdit },
          { label: t("memo.delete"), icon: "trash", danger: true, run: onDelete },
        ]}
      >
        <Icon name="more" />
      </Menu>
    </li>
  );
}

function Editor({ edited, onClose }: { edited: Edited; onClose: () => void }) {
  const { kind, label } = edited;
  const before = plainColor(label?.color ?? null);
  const colored = useSignal(before !== null);
  const send = async (form: FormData): Promise<void> => {
    // A colour that is no `#rrggbb` came from another client: it stays unless one is chosen here.
    const color = colored.value ? text(form, "color") : before || !label ? null : label.color;
    await save(edited, text(form, "name"), color);
    await (label ? refreshRest() : fetchLabels());
    onClose();
  };
  const title = label ? t("labels.edit") : t(kind === "tag" ? "labels.newTag" : "labels.newCategory");
  return (
    <Dialog title={title} onClose={onClose}>
      <Form onSend={send} meaning={(error) => (isTaken(error) ? t(kind === "tag" ? "labels.tagTaken" : "labels.categoryTaken") : null)}>
        <label>
          {t("labels.name")}
          <input type="text" name="name" required maxLength={255} dir="auto" defaultValue={label?.name ?? ""} />
        </label>
        <label class="check">
          <input type="checkbox" checked={colored.value} onChange={(event) => (colored.value = event.currentTarget.checked)} />
          {t("labels.colored")}
        </label>
        {colored.value && (
          <label>
            {t("labels.color")}
            <input type="color" name="color" defaultValue={before ?? "#2b6857"} />
          </label>
        )}
      </Form>
    </Dialog>
  );
}
