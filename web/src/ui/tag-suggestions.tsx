// Tags of a draft besides those in its text, and ones that the server suggests.
import { useSignal } from "@preact/signals";
import { call } from "../api/http";
import { t } from "../i18n";
import { fold } from "../lib/text";
import { report } from "./errors";
import { Icon } from "./icons";

interface Props {
  content: string;
  tags: readonly string[];
  inText: readonly string[];
  onChange: (tags: string[]) => void;
}

export function TagSuggestions({ content, tags, inText, onChange }: Props) {
  const suggested = useSignal<readonly string[]>([]);
  const pending = useSignal(false);
  const has = new Set([...tags, ...inText].map(fold));

  const suggest = async (): Promise<void> => {
    pending.value = true;
    try {
      const answer = await call("post", "/api/v1/ai/generate-tags", { body: { content }, timeout: 60_000 });
      suggested.value = answer.tags;
    } catch (error) {
      report(error);
    } finally {
      pending.value = false;
    }
  };

  const open = suggested.value.filter((name) => !has.has(fold(name)));
  if (!tags.length && content.trim().length < 12) return null;
  return (
    <div class="chips">
      {tags.map((name) => (
        <button key={name} type="button" class="chip on" aria-label={t("composer.removeTag", { name })} onClick={() => onChange(tags.filter((one) => one !== name))}>
          #{name} <Icon name="close" size={14} />
        </button>
      ))}
      {open.map((name) => (
        <button key={name} type="button" class="chip dashed" aria-label={t("composer.addTag", { name })} onClick={() => onChange([...tags, name])}>
          <Icon name="plus" size={14} /> {name}
        </button>
      ))}
      {content.trim().length >= 12 && !open.length && (
        <button type="button" class="chip ghost" disabled={pending.value} onClick={() => void suggest()}>
          <Icon name="spark" size={14} /> {t(pending.value ? "composer.suggesting" : "composer.suggest")}
        </button>
      )}
    </div>
  );
}
