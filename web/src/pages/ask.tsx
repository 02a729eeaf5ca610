// Questions to one's memos: the list of conversations, and one of them.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Conversation, Message } from "@aimo/dto";
import { call } from "../api/http";
import { formatMoment } from "../i18n";
import { t } from "../i18n/pages/ask";
import { address } from "../lib/base";
import { isComposing } from "../lib/keys";
import { firstLine } from "../lib/text";
import { go } from "../router";
import type { PageProps } from "../routes";
import { ask, beginConversation, conversation, extras, openConversation, run } from "../store/ask";
import { Answer, Beside, type Opened } from "./ask/answer";
import { Confirm, Dialog } from "../ui/dialog";
import { explain, report } from "../ui/errors";
import { Form, text } from "../ui/form";
import { Icon } from "../ui/icons";
import { Menu } from "../ui/menu";
import { Problem } from "../ui/problem";
import { Skeleton } from "../ui/skeleton";
import { useFetched, useSlow, useTitle } from "../ui/use";

const ROUTE = "/api/v1/explore/conversations";
const MODEL = "aimo.askModel";

export default function Ask({ id }: PageProps) {
  return id ? <Talk id={id} /> : <Start />;
}

function Start() {
  useTitle(t("nav.ask"));
  const fetched = useFetched((signal) => call("get", ROUTE, { signal }), []);
  const slow = useSlow(fetched.pending && !fetched.value);
  const begin = async (question: string, model: string): Promise<void> => {
    const made = await beginConversation(question);
    go(`/ask/${made}`);
    await ask(question, model);
  };
  return (
    <div class="page narrow">
      <h1>{t("nav.ask")}</h1>
      <p class="faint">{t("ask.text")}</p>
      <Question onAsk={begin} />
      {fetched.error ? (
        <p class="form-error" role="alert">
          {explain(fetched.error)}
        </p>
      ) : null}
      {slow && <Skeleton rows={2} />}
      {(fetched.value?.items.length ?? 0) > 0 && <h2>{t("ask.conversations")}</h2>}
      <ul class="rows">
        {fetched.value?.items.map((one) => (
          <Item key={one.conversationId} one={one} onChange={fetched.again} />
        ))}
      </ul>
    </div>
  );
}

function Item({ one, onChange }: { one: Conversation; onChange: () => void }) {
  const open = useSignal<"rename" | "delete" | null>(null);
  const path = { conversationId: one.conversationId };
  const close = (): void => {
    open.value = null;
  };
  const rename = async (form: FormData): Promise<void> => {
    await call("put", `${ROUTE}/{conversationId}`, { path, body: { title: text(form, "title") } });
    close();
    onChange();
  };
  const remove = async (): Promise<void> => {
    await call("delete", `${ROUTE}/{conversationId}`, { path });
    onChange();
  };
  return (
    <li>
      <a class="grow label-name" href={address(`/ask/${one.conversationId}`)} dir="auto">
        {one.title}
      </a>
      <span class="faint">{formatMoment(one.updatedAt)}</span>
      <Menu
        label={t("actions.of", { name: one.title })}
        actions={[
          { label: t("ask.rename"), icon: "edit", run: () => (open.value = "rename") },
          { label: t("memo.delete"), icon: "trash", danger: true, run: () => (open.value = "delete") },
        ]}
      >
        <Icon name="more" />
      </Menu>
      {open.value === "rename" && (
        <Dialog title={t("ask.rename")} onClose={close}>
          <Form onSend={rename}>
            <label>
              {t("ask.title")}
              <input type="text" name="title" required maxLength={255} dir="auto" defaultValue={one.title} />
            </label>
          </Form>
        </Dialog>
      )}
      {open.value === "delete" && (
        <Confirm title={t("ask.deleteTitle")} text={t("ask.deleteText")} action={t("memo.delete")} onClose={close} onYes={() => void remove().catch(report)} />
      )}
    </li>
  );
}

function Talk({ id }: { id: string }) {
  const fetched = useFetched((signal) => openConversation(id, signal), [id]);
  const opened = useSignal<Opened | null>(null);
  const end = useRef<HTMLDivElement>(null);
  const one = conversation.value?.conversationId === id ? conversation.value : null;
  const running = run.value?.conversationId === id ? run.value : null;
  const more = extras.value?.conversationId === id ? extras.value : null;
  const slow = useSlow(fetched.pending && !one);
  useTitle(one?.title ?? t("nav.ask"));
  const count = one?.messages.length ?? 0;
  useEffect(() => {
    if (count) end.current?.scrollIntoView({ block: "nearest" });
  }, [count, running === null]);

  if (fetched.error && !one) return <Problem error={fetched.error} onRetry={fetched.again} />;
  if (!one) return <div class="page narrow">{slow && <Skeleton rows={3} />}</div>;
  const again = (question: string, model: string): void => void ask(question, model, true).catch(report);
  const last = one.messages.at(-1);
  const show = (next: Opened): void => {
    opened.value = next;
  };
  return (
    <div class={opened.value ? "page with-beside" : "page narrow"}>
      <div>
        <p>
          <a href={address("/ask")}>{t("ask.all")}</a>
        </p>
        <h1 dir="auto">{one.title}</h1>
        {one.messages.map((message) => (
          <Said key={message.messageId} message={message} onOpen={show} />
        ))}
        {running && !running.error && <Answer text={running.answer} sources={running.sources} running onOpen={show} />}
        {more && !running && !more.generated && <p class="hint">{t("ask.noModel")} <a href={address("/settings")}>{t("nav.settings")}</a></p>}
        {running?.error ? (
          <div class="row">
            <p class="form-error" role="alert">
              {explain(running.error)}
            </p>
            <button type="button" class="button" onClick={() => again(running.question, running.model)}>
              {t("retry")}
            </button>
          </div>
        ) : (
          !running && last?.role === "user" && (
            <button type="button" class="button" onClick={() => again(last.content, "")}>
              {t("ask.answer")}
            </button>
          )
        )}
        {more && !running && (
          <div class="chips">
            {more.suggested.map((question) => (
              <button key={question} type="button" class="chip" dir="auto" onClick={() => void ask(question, localStorage.getItem(MODEL) ?? "").catch(report)}>
                {question}
              </button>
            ))}
          </div>
        )}
        <Question onAsk={ask} {...(running && !running.error && { onStop: running.stop })} />
        <div ref={end} />
      </div>
      {opened.value && <Beside key={opened.value.memoId} opened={opened.value} onClose={() => (opened.value = null)} />}
    </div>
  );
}

function Said({ message, onOpen }: { message: Message; onOpen: (one: Opened) => void }) {
  if (message.role !== "user") return <Answer text={message.content} sources={message.sources ?? []} onOpen={onOpen} />;
  return (
    <p class="question" dir="auto">
      {message.content}
    </p>
  );
}

/** The field for a question. Enter asks, Shift and Enter begin a new line; an input method's Enter does neither. */
function Question({ onAsk, onStop }: { onAsk: (question: string, model: string) => Promise<void>; onStop?: () => void }) {
  const written = useSignal("");
  const failure = useSignal("");
  const pending = useSignal(false);
  const models = useFetched((signal) => call("get", "/api/v1/user-models", { signal }), []);
  const model = useSignal(localStorage.getItem(MODEL) ?? "");
  const known = models.value?.models ?? [];
  // One that was deleted would only be refused.
  const chosen = models.value && !known.some((one) => one.id === model.value) ? "" : model.value;
  const send = async (): Promise<void> => {
    const question = written.value.trim();
    if (!question || pending.value || onStop) return;
    pending.value = true;
    failure.value = "";
    written.value = "";
    try {
      await onAsk(question, chosen);
    } catch (error) {
      failure.value = explain(error);
      written.value ||= conversation.value?.messages.some((one) => one.content === question) ? "" : question;
    } finally {
      pending.value = false;
    }
  };
  return (
    <form
      class="form ask"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <textarea
        rows={2}
        dir="auto"
        autocomplete="off"
        aria-label={t("ask.question")}
        placeholder={t("ask.placeholder")}
        value={written.value}
        onInput={(event) => (written.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
          event.preventDefault();
          void send();
        }}
      />
      {failure.value && (
        <p class="form-error" role="alert">
          {failure.value}
        </p>
      )}
      <div class="row">
        {known.length > 0 && (
          <select
            aria-label={t("ask.model")}
            value={chosen}
            onChange={(event) => {
              model.value = event.currentTarget.value;
              localStorage.setItem(MODEL, model.value);
            }}
          >
            <option value="">{t("ask.serverModel")}</option>
            {known.map((one) => (
              <option key={one.id} value={one.id}>
                {firstLine(one.name, 40)}
              </option>
            ))}
          </select>
        )}
        <span class="grow" />
        {onStop ? (
          <button type="button" class="button" onClick={onStop}>
            <Icon name="stop" size={18} /> {t("ask.stop")}
          </button>
        ) : (
          <button type="submit" class="button primary" disabled={!written.value.trim() || pending.value}>
            <Icon name="send" size={18} /> {t("nav.ask")}
          </button>
        )}
      </div>
    </form>
  );
}
