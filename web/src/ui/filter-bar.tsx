// Filters as chips that can be removed, and the order.
import { type Signal, useSignal } from "@preact/signals";
import { dayBounds, formatDate, t, tn } from "../i18n";
import { go } from "../router";
import { categories, categoryOf, tags } from "../store/labels";
import { type Filter, isFiltered, streamAddress, UNCATEGORIZED } from "../store/stream";
import { Dialog } from "./dialog";
import { Icon } from "./icons";

const show = (filter: Filter): void => go(streamAddress(filter));

/** The active filters: what each says, and the filters without it. */
export function chipsOf(filter: Filter): { label: string; without: Filter }[] {
  const day = (key: string): string => formatDate(dayBounds(key)?.from ?? 0);
  const chips: { label: string; without: Filter }[] = [];
  if (filter.search) chips.push({ label: `“${filter.search}”`, without: { ...filter, search: "" } });
  for (const tag of filter.tags) chips.push({ label: `#${tag}`, without: { ...filter, tags: filter.tags.filter((one) => one !== tag) } });
  if (filter.category) {
    const name = filter.category === UNCATEGORIZED ? t("category.none") : (categoryOf(filter.category)?.name ?? t("category"));
    chips.push({ label: name, without: { ...filter, category: "" } });
  }
  if (filter.from && filter.from === filter.to) chips.push({ label: day(filter.from), without: { ...filter, from: "", to: "" } });
  else {
    if (filter.from) chips.push({ label: t("filter.since", { day: day(filter.from) }), without: { ...filter, from: "" } });
    if (filter.to) chips.push({ label: t("filter.until", { day: day(filter.to) }), without: { ...filter, to: "" } });
  }
  if (filter.hasFiles) chips.push({ label: t("filter.files"), without: { ...filter, hasFiles: false } });
  return chips;
}

export function FilterBar({ filter, total }: { filter: Filter; total: Signal<number | null> }) {
  const open = useSignal(false);
  const chips = chipsOf(filter);
  return (
    <div class="filter-bar">
      <div class="chips" role="group" aria-label={t("filter.active")}>
        {chips.map((chip) => (
          <button key={chip.label} type="button" class="chip on" aria-label={t("filter.remove", { name: chip.label })} onClick={() => show(chip.without)}>
            {chip.label} <Icon name="close" size={14} />
          </button>
        ))}
        {isFiltered(filter) && total.value !== null && <span class="count">{tn("stream.count", total.value)}</span>}
      </div>
      <button type="button" class="button quiet small" onClick={() => (open.value = true)}>
        <Icon name="filter" size={18} /> {t("filter.open")}
      </button>
      {open.value && <FilterDialog filter={filter} onClose={() => (open.value = false)} />}
    </div>
  );
}

function FilterDialog({ filter, onClose }: { filter: Filter; onClose: () => void }) {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string): string => String(form.get(name) ?? "").trim();
    const sort = text("sort") as Filter["sort"];
    const added = text("tag").replace(/^#/, "");
    onClose();
    show({
      search: text("search"),
      tags: added && !filter.tags.includes(added) ? [...filter.tags, added] : filter.tags,
      category: text("category"),
      from: text("from"),
      to: text("to"),
      hasFiles: form.has("files"),
      sort,
    });
  };
  return (
    <Dialog title={t("filter.title")} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        <label>
          {t("filter.text")}
          <input name="search" type="search" value={filter.search} />
        </label>
        <label>
          {t("filter.tag")}
          <input name="tag" list="filter-tags" autocomplete="off" />
          <datalist id="filter-tags">
            {tags.value.map((tag) => (
              <option key={tag.tagId} value={tag.name} />
            ))}
          </datalist>
        </label>
        <label>
          {t("category")}
          <select name="category" value={filter.category}>
            <option value="">{t("filter.anyCategory")}</option>
            <option value={UNCATEGORIZED}>{t("category.none")}</option>
            {categories.value.map((one) => (
              <option key={one.categoryId} value={one.categoryId}>
                {one.name}
              </option>
            ))}
          </select>
        </label>
        <div class="pair">
          <label>
            {t("filter.from")}
            <input name="from" type="date" value={filter.from} />
          </label>
          <label>
            {t("filter.to")}
            <input name="to" type="date" value={filter.to} />
          </label>
        </div>
        <label class="check">
          <input name="files" type="checkbox" checked={filter.hasFiles} /> {t("filter.files")}
        </label>
        <label>
          {t("filter.sort")}
          <select name="sort" value={filter.sort}>
            <option value="newest">{t("sort.newest")}</option>
            <option value="oldest">{t("sort.oldest")}</option>
            <option value="changed">{t("sort.changed")}</option>
          </select>
        </label>
        <div class="row end">
          <button type="button" class="button quiet" onClick={() => (onClose(), go("/"))}>
            {t("filter.clear")}
          </button>
          <button type="submit" class="button primary">
            {t("filter.apply")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
