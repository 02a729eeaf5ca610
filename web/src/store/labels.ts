// Tags and categories: a few, so all of them are kept.
import { computed, signal } from "@preact/signals";
import type { Category, Tag } from "@aimo/dto";
import { call } from "../api/http";
import { hear, tell } from "./channel";
import { fact, setFact } from "./db";
import { fold } from "../lib/text";

export const tags = signal<readonly Tag[]>([]);
export const categories = signal<readonly Category[]>([]);

const byName = computed(() => new Map(tags.value.map((tag) => [fold(tag.name), tag])));
const byId = computed(() => new Map(categories.value.map((one) => [one.categoryId, one])));

export const tagNamed = (name: string): Tag | undefined => byName.value.get(fold(name));
export const categoryOf = (categoryId: string | null | undefined): Category | undefined =>
  categoryId ? byId.value.get(categoryId) : undefined;

async function read(): Promise<void> {
  tags.value = (await fact<Tag[]>("tags")) ?? [];
  categories.value = (await fact<Category[]>("categories")) ?? [];
}

/** Note tags that the server made for a memo. */
export function learnTags(some: readonly Tag[]): void {
  const news = some.filter((tag) => !tagNamed(tag.name));
  if (news.length) tags.value = [...tags.value, ...news];
}

/** Show what is kept here. */
export const readLabels = read;

/** Fetch both lists. Raises ApiError. */
export async function fetchLabels(): Promise<void> {
  const [one, other] = await Promise.all([call("get", "/api/v1/tags"), call("get", "/api/v1/categories")]);
  tags.value = one.tags;
  categories.value = other.categories;
  await Promise.all([setFact("tags", one.tags), setFact("categories", other.categories)]);
  tell({ about: "labels" });
}

hear((news) => {
  if (news.about === "labels") void read();
});
