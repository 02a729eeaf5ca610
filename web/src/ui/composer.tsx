// Writing a memo, or changing one: the draft is kept on this device at every keystroke.
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { reachable } from "../api/http";
import { upload } from "../api/upload";
import { t } from "../i18n";
import { randomId } from "../lib/ids";
import { isApple, isCommand, isComposing } from "../lib/keys";
import { hashtags } from "../lib/text";
import { discard, type Draft, emptyDraft, isEmpty, keep } from "../store/drafts";
import { categories } from "../store/labels";
import type { FileToSend } from "../store/outbox";
import { useCompletion } from "./completion";
import { report } from "./errors";
import { FileChip } from "./file-chip";
import { Icon } from "./icons";
import { Markdown } from "./markdown";
import { TagSuggestions } from "./tag-suggestions";
import { toast } from "./toasts";

interface Props {
  draft: Draft;
  /** Keep what was written; the composer is emptied when this succeeds. */
  onSave: (draft: Draft) => Promise<void>;
  /** Of a change: leave without it. */
  onCancel?: () => void;
  autoFocus?: boolean;
  id?: string;
}

export function Composer({ draft: first, onSave, onCancel, autoFocus = false, id = "composer" }: Props) {
  const draft = useSignal(first);
  const progress = useSignal<Record<string, number>>({});
  const preview = useSignal(false);
  const saving = useSignal(false);
  const dragging = useSignal(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const camera = useRef<HTMLInputElement>(null);
  const uploading = useComputed(() => Object.values(progress.value).some((part) => part < 1));

  const set = (change: Partial<Draft>): void => {
    draft.value = { ...draft.value, ...change, changedAt: Date.now() };
    void keep(draft.value).catch(report);
  };
  const { completion, onInput, onKey, close } = useCompletion(field, (content) => set({ content }));

  useLayoutEffect(() => {
    const area = field.current;
    if (!area || CSS.supports("field-sizing", "content")) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, innerHeight * 0.6)}px`;
  }, [draft.value.content, preview.value]);
  useEffect(() => {
    if (!autoFocus || !field.current) return;
    field.current.focus();
    field.current.setSelectionRange(field.current.value.length, field.current.value.length);
  }, []);

  /** Keep files with the draft and upload them at once; those that cannot be uploaded now are sent with the memo. */
  const addFiles = (files: Iterable<File>): void => {
    for (const file of files) {
      const fileId = randomId();
      const name = file.name || "file";
      set({ files: [...draft.value.files, { fileId, name, type: file.type || "application/octet-stream", size: file.size, blob: file }] });
      if (!reachable.value || !navigator.onLine) continue;
      progress.value = { ...progress.value, [fileId]: 0 };
      upload(file, name, fileId, (part) => {
        progress.value = { ...progress.value, [fileId]: Math.min(part, 0.99) };
      })
        .then((attachment) => {
          const { blob: _blob, ...rest } = draft.value.files.find((one) => one.fileId === fileId) ?? ({} as FileToSend);
          if (rest.fileId) set({ files: draft.value.files.map((one) => (one.fileId === fileId ? { ...rest, attachment } : one)) });
        })
        .catch((error: { isTransient?: boolean; message: string }) => {
          if (error.isTransient) return;
          set({ files: draft.value.files.filter((one) => one.fileId !== fileId) });
          toast(t("upload.failed", { name, reason: error.message }), { bad: true });
        })
        .finally(() => {
          const { [fileId]: _done, ...others } = progress.value;
          progress.value = others;
        });
    }
  };

  const save = async (): Promise<void> => {
    if (isEmpty(draft.value) || saving.value || uploading.value) return;
    saving.value = true;
    const written = draft.value;
    try {
      await onSave(written);
      await discard(written.draftId);
      draft.value = { ...emptyDraft(written.draftId) };
      preview.value = false;
      field.current?.focus();
    } catch (error) {
      report(error);
    } finally {
      saving.value = false;
    }
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (isComposing(event)) return;
    if (onKey(event)) return;
    if (event.key === "Enter" && isCommand(event)) {
      event.preventDefault();
      void save();
    } else if (event.key === "Escape") {
      if (onCancel) onCancel();
      else field.current?.blur();
    }
  };

  const onPaste = (event: ClipboardEvent): void => {
    const files = [...(event.clipboardData?.files ?? [])];
    // A copied table has a picture of itself along; its text is what was meant.
    if (!files.length || event.clipboardData?.types.includes("text/plain")) return;
    event.preventDefault();
    addFiles(files);
  };

  const one = draft.value;
  const inText = hashtags(one.content);
  return (
    <form
      class={`composer${dragging.value ? " dragging" : ""}`}
      aria-label={t(onCancel ? "composer.edit" : "composer.new")}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
      onDragOver={(event) => {
        if (!event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        dragging.value = true;
      }}
      onDragLeave={() => {
        dragging.value = false;
      }}
      onDrop={(event) => {
        dragging.value = false;
        if (!event.dataTransfer?.files.length) return;
        event.preventDefault();
        addFiles(event.dataTransfer.files);
      }}
    >
      {preview.value ? (
        <div class="composer-preview">
          <Markdown text={one.content} files={one.files.flatMap((file) => file.attachment ?? [])} />
        </div>
      ) : (
        <div class="composer-field">
          <textarea
            ref={field}
            id={id}
            rows={onCancel ? 4 : 2}
            dir="auto"
            value={one.content}
            placeholder={t("composer.placeholder")}
            aria-label={t("composer.text")}
            aria-autocomplete="list"
            aria-controls={completion.value ? `${id}-completion` : undefined}
            aria-activedescendant={completion.value ? `${id}-option-${completion.value.active}` : undefined}
            onInput={(event) => {
              set({ content: event.currentTarget.value });
              onInput(event.currentTarget);
            }}
            onKeyDown={onKeyDown}
            onBlur={() => setTimeout(close, 150)}
            onPaste={onPaste}
          />
          {completion.value && (
            <ul class="completion" id={`${id}-completion`} role="listbox" aria-label={t("composer.suggestions")}>
              {completion.value.options.map((option, index) => (
                <li
                  key={option.key}
                  id={`${id}-option-${index}`}
                  role="option"
                  aria-selected={index === completion.value?.active}
                  onPointerDown={(event) => {
                    event.preventDefault();
                    completion.value?.choose(index);
                  }}
                >
                  <span>{option.label}</span>
                  {option.note && <small>{option.note}</small>}
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
      {one.files.length > 0 && (
        <ul class="file-chips" aria-label={t("composer.files")}>
          {one.files.map((file) => (
            <FileChip
              key={file.fileId}
              file={file}
              progress={progress.value[file.fileId]}
              onRemove={() => set({ files: one.files.filter((each) => each.fileId !== file.fileId) })}
            />
          ))}
        </ul>
      )}
      <TagSuggestions content={one.content} tags={one.tags} inText={inText} onChange={(tags) => set({ tags })} />
      <div class="composer-bar">
        <button type="button" class="icon-button" title={t("composer.attach")} aria-label={t("composer.attach")} onClick={() => picker.current?.click()}>
          <Icon name="attach" />
        </button>
        <button type="button" class="icon-button touch-only" title={t("composer.camera")} aria-label={t("composer.camera")} onClick={() => camera.current?.click()}>
          <Icon name="camera" />
        </button>
        <label class="select-chip">
          <Icon name="category" size={18} />
          <span class="sr-only">{t("category")}</span>
          <select value={one.categoryId ?? ""} onChange={(event) => set({ categoryId: event.currentTarget.value || null })}>
            <option value="">{t("category.none")}</option>
            {categories.value.map((category) => (
              <option key={category.categoryId} value={category.categoryId}>
                {category.name}
              </option>
            ))}
          </select>
        </label>
        <button
          type="button"
          class={`icon-button${one.isPublic ? " on" : ""}`}
          aria-pressed={one.isPublic}
          aria-label={t("composer.public")}
          title={t(one.isPublic ? "composer.isPublic" : "composer.isPrivate")}
          onClick={() => set({ isPublic: !one.isPublic })}
        >
          <Icon name={one.isPublic ? "globe" : "lock"} />
        </button>
        <button
          type="button"
          class={`icon-button${preview.value ? " on" : ""}`}
          aria-pressed={preview.value}
          aria-label={t("composer.preview")}
          title={t("composer.preview")}
          onClick={() => {
            preview.value = !preview.value;
          }}
        >
          <Icon name="eye" />
        </button>
        <span class="grow" />
        {onCancel && (
          <button type="button" class="button quiet" onClick={onCancel}>
            {t("cancel")}
          </button>
        )}
        <button type="submit" class="button primary" disabled={isEmpty(one) || saving.value || uploading.value} title={`${isApple ? "⌘" : "Ctrl"} + Enter`}>
          {t(uploading.value ? "composer.uploading" : "save")}
        </button>
      </div>
      <input
        ref={picker}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          addFiles(event.currentTarget.files ?? []);
          event.currentTarget.value = "";
        }}
      />
      <input
        ref={camera}
        type="file"
        accept="image/*"
        capture="environment"
        hidden
        onChange={(event) => {
          addFiles(event.currentTarget.files ?? []);
          event.currentTarget.value = "";
        }}
      />
    </form>
  );
}
