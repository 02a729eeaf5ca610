import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { UserModel } from "@aimo/dto";
import { call } from "../../api/http";
import { t } from "../../i18n/pages/models";
import { Dialog } from "../../ui/dialog";
import { explain } from "../../ui/errors";
import { Form, text } from "../../ui/form";

const PROVIDERS: Record<string, string> = { openai: "OpenAI", deepseek: "DeepSeek", openrouter: "OpenRouter" };

interface Props {
  model: UserModel | null;
  onClose: () => void;
  onDone: () => void;
}

/** Add a model, or change one. Its key is never shown: an empty field leaves it as it is. */
export function ModelDialog({ model, onClose, onDone }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const provider = useSignal(model?.provider ?? "openai");
  const tried = useSignal<{ good: boolean; text: string } | null>(null);
  const trying = useSignal(false);

  const values = (form: FormData) => ({
    provider: provider.value,
    modelName: text(form, "modelName"),
    // Absent, an address stays; empty, it is the provider's own.
    ...((model?.apiBaseUrl || text(form, "address")) && { apiBaseUrl: text(form, "address") }),
  });
  const save = async (form: FormData): Promise<void> => {
    const key = text(form, "key");
    const body = { ...values(form), name: text(form, "name"), isDefault: form.has("default"), ...(key && { apiKey: key }) };
    if (model) await call("put", "/api/v1/user-models/{modelId}", { path: { modelId: model.id }, body });
    else await call("post", "/api/v1/user-models", { body });
    onDone();
  };
  const tryIt = async (): Promise<void> => {
    const element = box.current?.querySelector("form");
    if (!element?.reportValidity()) return;
    const form = new FormData(element);
    trying.value = true;
    tried.value = null;
    try {
      const body = { ...values(form), apiKey: text(form, "key") || (model?.apiKey ?? "") };
      const { response } = await call("post", "/api/v1/user-models/test", { body, timeout: 30_000 });
      tried.value = { good: true, text: t("models.works", { reply: response ?? "" }) };
    } catch (error) {
      tried.value = { good: false, text: explain(error) };
    } finally {
      trying.value = false;
    }
  };
  return (
    <Dialog title={t(model ? "models.edit" : "models.add")} onClose={onClose}>
      <div ref={box}>
        <Form
          onSend={save}
          buttons={
            <button type="button" class="button" disabled={trying.value} onClick={() => void tryIt()}>
              {t(trying.value ? "models.trying" : "models.try")}
            </button>
          }
        >
          <label>
            {t("models.name")}
            <input type="text" name="name" required maxLength={255} defaultValue={model?.name ?? ""} />
          </label>
          <label>
            {t("models.provider")}
            <select value={provider.value} onChange={(event) => (provider.value = event.currentTarget.value)}>
              {Object.entries(PROVIDERS).map(([id, name]) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
              <option value="other">{t("models.other")}</option>
            </select>
          </label>
          <label>
            {t("models.modelName")}
            <input type="text" name="modelName" required maxLength={100} autocomplete="off" defaultValue={model?.modelName ?? ""} />
          </label>
          <label>
            {t(provider.value === "other" ? "models.address" : "models.addressOptional")}
            <input type="url" name="address" maxLength={500} required={provider.value === "other"} defaultValue={model?.apiBaseUrl ?? ""} />
          </label>
          <label>
            {t("models.key")}
            <input type="password" name="key" maxLength={500} autocomplete="off" required={!model} placeholder={model?.apiKey ?? ""} />
          </label>
          {model && <p class="hint">{t("models.keyStays")}</p>}
          <label class="check">
            <input type="checkbox" name="default" defaultChecked={model?.isDefault ?? false} />
            {t("models.isDefault")}
          </label>
          {tried.value && (
            <p class={tried.value.good ? "form-good" : "form-error"} role="status">
              {tried.value.text}
            </p>
          )}
        </Form>
      </div>
    </Dialog>
  );
}
