// Chat models with a key of one's own, and which one suggests tags.
import type { UserModel } from "@aimo/dto";
import { call } from "../../api/http";
import { t } from "../../i18n/pages/models";
import { EditableList } from "../../ui/editable-list";
import { report } from "../../ui/errors";
import { toast } from "../../ui/toasts";
import { useFetched } from "../../ui/use";
import { ModelDialog } from "./model-dialog";

const ROUTE = "/api/v1/user-models";
const TAGS = "/api/v1/user-feature-configs/tag-model";

export function Models() {
  const fetched = useFetched((signal) => call("get", ROUTE, { signal }), []);
  const models = fetched.value?.models ?? [];
  const makeDefault = async ({ id }: UserModel): Promise<void> => {
    await call("patch", `${ROUTE}/{modelId}/set-default`, { path: { modelId: id } });
    fetched.again();
  };
  return (
    <EditableList
      title={t("models.title")}
      add={t("models.add")}
      of={fetched}
      entries={models}
      idOf={(model) => model.id}
      nameOf={(model) => model.name}
      above={<p class="hint">{t("models.text")}</p>}
      row={(model) => (
        <div class="grow">
          <p>
            {model.name} {model.isDefault && <span class="chip on">{t("models.default")}</span>}
          </p>
          <p class="faint">{[model.provider, model.modelName, model.apiKey].join(" · ")}</p>
        </div>
      )}
      actions={(model) => (model.isDefault ? [] : [{ label: t("models.makeDefault"), icon: "star", run: () => void makeDefault(model).catch(report) }])}
      below={models.length > 0 && <TagModel key={models.map((one) => one.id).join()} models={models} />}
      dialog={(model, onClose, onDone) => <ModelDialog model={model} onClose={onClose} onDone={onDone} />}
      removal={{
        title: t("models.deleteTitle"),
        text: (name) => t("models.deleteText", { name }),
        run: ({ id }) => call("delete", `${ROUTE}/{modelId}`, { path: { modelId: id } }),
      }}
    />
  );
}

function TagModel({ models }: { models: readonly UserModel[] }) {
  const fetched = useFetched((signal) => call("get", TAGS, { signal }), []);
  const choose = async (userModelId: string | null): Promise<void> => {
    await call("put", TAGS, { body: { userModelId } });
    toast(t("memo.saved"));
    fetched.again();
  };
  return (
    <div class="form">
      <label>
        {t("models.tags")}
        <select
          value={fetched.value?.userModelId ?? ""}
          disabled={fetched.pending}
          onChange={(event) => void choose(event.currentTarget.value || null).catch((error: unknown) => (report(error), fetched.again()))}
        >
          <option value="">{t("models.server")}</option>
          {models.map((model) => (
            <option key={model.id} value={model.id}>
              {model.name}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}
