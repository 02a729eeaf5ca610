// Which memos to be asked about, and the way into a round of questions.
import { useSignal } from "@preact/signals";
import type { ReviewProfile } from "@aimo/dto";
import { ApiError, call } from "../../api/http";
import { t, tn } from "../../i18n/pages/review";
import { go } from "../../router";
import { EditableList } from "../../ui/editable-list";
import { explain } from "../../ui/errors";
import { ruleText } from "../../ui/label-rules";
import { useFetched } from "../../ui/use";
import { ProfileDialog, ruleOf } from "./profile-dialog";

const ROUTE = "/api/v1/review/profiles";

/** How long questions may take: the server has 22 seconds for them. */
const PATIENCE = 60_000;

/** What the server says where no memo is meant, in the user's language. */
const isNothing = (error: unknown): boolean => error instanceof ApiError && error.code === 1 && error.message.startsWith("No memos available");

export function Profiles() {
  const fetched = useFetched((signal) => call("get", ROUTE, { signal }), []);
  const pending = useSignal(false);
  const failure = useSignal("");
  const start = async (profile: ReviewProfile | null): Promise<void> => {
    if (pending.value) return;
    pending.value = true;
    failure.value = "";
    try {
      const body = profile ? { profileId: profile.profileId } : { scope: "all" };
      const { sessionId } = await call("post", "/api/v1/review/sessions", { body, timeout: PATIENCE });
      go(`/review/${sessionId}`);
    } catch (error) {
      failure.value = isNothing(error) ? t("review.noMemos") : explain(error);
    } finally {
      pending.value = false;
    }
  };
  const plain = fetched.value?.generated === false;
  return (
    <EditableList
      title={t("review.ask")}
      add={t("profile.add")}
      of={fetched}
      entries={fetched.value?.profiles ?? []}
      idOf={(profile) => profile.profileId}
      nameOf={(profile) => profile.name}
      above={
        <>
          <p class="hint">{t("review.askText")}</p>
          {plain && <p class="hint">{t("review.plain")}</p>}
          {failure.value && (
            <p class="form-error" role="alert">
              {failure.value}
            </p>
          )}
          <div class="row">
            <button type="button" class="button primary" disabled={pending.value} onClick={() => void start(null)}>
              {t(pending.value ? "review.starting" : "review.startAll")}
            </button>
          </div>
        </>
      }
      row={(profile) => (
        <>
          <div class="grow">
            <p dir="auto">{profile.name}</p>
            <p class="faint">{[tn("review.questions", profile.questionCount), ...profile.filterRules.map((rule) => ruleText(ruleOf(rule)))].join(" · ")}</p>
          </div>
          <button type="button" class="button" disabled={pending.value} aria-label={t("profile.start", { name: profile.name })} onClick={() => void start(profile)}>
            {t("review.start")}
          </button>
        </>
      )}
      dialog={(profile, onClose, onDone) => <ProfileDialog profile={profile} onClose={onClose} onDone={onDone} />}
      removal={{
        title: t("profile.deleteTitle"),
        text: (name) => t("profile.deleteText", { name }),
        run: ({ profileId }) => call("delete", `${ROUTE}/{profileId}`, { path: { profileId } }),
      }}
    />
  );
}
