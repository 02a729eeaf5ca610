// Chat models with a key of one's own, and which one suggests tags.
import { useSignal } from "@preact/signals";
import type { UserModel } from "@aimo/dto";
import { call } from "../../api/http";
import { t } from "../../i18n/pages/models";
import { Confirm } from "../../ui/dialog";
import { report } from "../../ui/errors";
import { Icon } from "../../ui/icons";
import { Menu } from "../../ui/menu";
import { Panel } from "../../ui/panel";
import { toast } from "../../ui/toasts";
import { useFetched } from "../../ui/use";
import { ModelDialog } from "./model-dialog";

const ROUTE = "/api/v1/user-models";
const TAGS = "/api/v1/user-feature-configs/tag-model";

export function Models() {
  const fetched = useFetched((signal) => call("get", ROUTE, { signal }), []);
  const edited = useSignal<UserModel | "new" | null>(null);
  const asked = useSignal<UserModel | null>(null);
  const models = fetched.value?.models ?? [];
  const makeDefault = async ({ id }: UserModel): Promise<void> => {
    await call("patch", `${ROUTE}/{modelId}/set-default`, { path: { modelId: id } });
    fetched.again();
  };
  const remove = async ({ id }: UserModel): Promise<void> => {
    await call("delete", `${ROUTE}/{modelId}`, { path: { modelId: id } });
    fetched.again();
  };
  const add = (
    <button type="button" class="button" onClick={() => (edited.value = "new")}>
      <Icon name="plus" size={18} /> {t("models.add")}
    </button>
  );
  return (
    <Panel title={t("models.title")} of={fetched} actions={add}>
      <p class="hint">{t("models.text")}</p>
      <ul class="rows">
        {models.map((model) => (
          <li key={model.id}>
            <div class="grow">
              <p>
                {model.name} {model.isDefault && <span class="chip on">{t("models.default")}</span>}
              </p>
              <p class="faint">{[model.provider, model.modelName, model.apiKey].join(" · ")}</p>
            </div>
            <Menu
              label={t("actions.of", { name: model.name })}
              actions={[
                { label: t("memo.edit"), icon: "edit", run: () => (edited.value = model) },
                ...(model.isDefault ? [] : [{ label: t("models.makeDefault"), icon: "star" as const, run: () => void makeDefault(model).catch(report) }]),
                { label: t("memo.delete"), icon: "trash", danger: true, run: () => (asked.value = model) },
              ]}
            >
              <Icon name="more" />
            </Menu>
          </li>
        ))}
      </ul>
      {models.length > 0 && <TagModel key={models.map((one) => one.id).join()} models={models} />}
      {edited.value && (
        <ModelDialog
          model={edited.value === "new" ? null : edited.value}
          onClose={() => (edited.value = null)}
          onDone={() => {
            edited.value = null;
            fetched.again();
          }}
        />
      )}
      {asked.value && (
        <Confirm
          title={t("models.deleteTitle")}
          text={t("models.deleteText", { name: asked.value.name })}
          action={t("memo.delete")}
          onClose={() => (asked.value = null)}
          onYes={() => asked.value && void remove(asked.value).catch(report)}
        />
      )}
    </Panel>
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
