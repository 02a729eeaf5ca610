// Questions to one's memos. An answer goes on while other pages are looked at; what was said is kept by the server.
import { effect, signal } from "@preact/signals";
import type { AnswerSource, ConversationDetail, Exploration, Message } from "@aimo/dto";
import { ApiError, call } from "../api/http";
import { postForEvents } from "../api/events";
import { randomId } from "../lib/ids";
import { firstLine } from "../lib/text";
import { person } from "./session";

const ROUTE = "/api/v1/explore/conversations";
/** How much of a conversation the model is told, in UTF-16 units. */
const CONTEXT = 6000;

export interface Run {
  conversationId: string;
  question: string;
  answer: string;
  sources: readonly AnswerSource[];
  model: string;
  /** Why it failed; null while it runs. */
  error: unknown;
  stop: () => void;
}

export interface Extras {
  conversationId: string;
  suggested: readonly string[];
  /** False: there is no chat model, the answer is the best passages. */
  generated: boolean;
}

/** The conversation that is shown. */
export const conversation = signal<ConversationDetail | null>(null);
/** The question that is being answered, or whose answer failed. */
export const run = signal<Run | null>(null);
/** What the last answer brought besides itself. */
export const extras = signal<Extras | null>(null);

/** Show a conversation. Raises ApiError. */
export async function openConversation(conversationId: string, stop: AbortSignal): Promise<void> {
  const found = await call("get", `${ROUTE}/{conversationId}`, { path: { conversationId }, signal: stop });
  // An answer may have arrived meanwhile.
  const shown = conversation.value;
  if (shown?.conversationId !== conversationId || shown.messages.length <= found.messages.length) conversation.value = found;
}

/** Begin a conversation with a question, and return its id. Raises ApiError. */
export async function beginConversation(question: string): Promise<string> {
  const { conversation: made } = await call("post", ROUTE, { body: { title: firstLine(question, 60) } });
  conversation.value = { ...made, messages: [] };
  return made.conversationId;
}

/** What was said, as the model is told it. */
export const contextOf = (messages: readonly Pick<Message, "role" | "content">[]): string =>
  messages.map(({ role, content }) => `${role}: ${content}`).join("\n\n").slice(-CONTEXT);

/** Keep a message and show it. An answer that the server cannot keep is shown all the same. Raises ApiError. */
async function say(conversationId: string, role: "user" | "assistant", content: string, sources: readonly AnswerSource[] = []): Promise<void> {
  const cited = sources.length ? { sources: [...sources] } : {};
  const show = (message: Message): void => {
    const shown = conversation.value;
    if (shown?.conversationId === conversationId) conversation.value = { ...shown, messages: [...shown.messages, message] };
  };
  try {
    show((await call("post", `${ROUTE}/{conversationId}/messages`, { path: { conversationId }, body: { role, content, ...cited } })).data);
  } catch (error) {
    if (role === "assistant") show({ messageId: randomId(), conversationId, role, content, createdAt: Date.now(), ...cited });
    throw error;
  }
}

/**
 * Ask in the conversation that is shown; `again`: its last question once more. Why there is no answer is in {@link run}.
 * Raises ApiError when the question or the answer cannot be kept.
 */
export async function ask(question: string, model: string, again = false): Promise<void> {
  const shown = conversation.value;
  if (!shown || (run.value && !run.value.error)) return;
  const { conversationId } = shown;
  const before = again ? shown.messages.slice(0, -1) : shown.messages;
  const stopper = new AbortController();
  extras.value = null;
  let now: Run = { conversationId, question, model, answer: "", sources: [], error: null, stop: () => stopper.abort() };
  const set = (change: Partial<Run>): void => {
    now = { ...now, ...change };
    run.value = now;
  };
  set({});
  let ended = true;
  try {
    if (!again) await say(conversationId, "user", question);
    try {
      await hearAnswer(question, contextOf(before), model, stopper.signal, set, () => now);
    } catch (error) {
      if (!stopper.signal.aborted) {
        set({ error, answer: "" });
        ended = false;
        return;
      }
    }
    if (now.answer) await say(conversationId, "assistant", now.answer, now.sources);
  } finally {
    if (ended && run.value === now) run.value = null;
  }
}

async function hearAnswer(query: string, context: string, model: string, stop: AbortSignal, set: (change: Partial<Run>) => void, now: () => Run): Promise<void> {
  let whole = false;
  await postForEvents(
    "/api/v1/explore",
    { query, context, userModelId: model || null },
    (name, data) => {
      if (name === "sources") set({ sources: (data as { sources: AnswerSource[] }).sources });
      else if (name === "token") set({ answer: now().answer + (data as { text: string }).text });
      else if (name === "error") throw new ApiError("server", (data as { message: string }).message);
      else if (name === "done") {
        const { answer, sources, suggestedQuestions, generated } = data as Exploration;
        whole = true;
        set({ answer, sources });
        extras.value = { conversationId: now().conversationId, suggested: suggestedQuestions ?? [], generated: generated !== false };
      }
    },
    stop,
  );
  if (!whole) throw new ApiError("offline", "The answer broke off");
}

/** An answer with its `[n]` as links to the sources; code stays as it is. */
export const withLinks = (answer: string, memoIds: readonly string[]): string =>
  answer.replace(/(```[\s\S]*?(?:```|$)|`[^`\n]*`)|\[(\d{1,2})\](?!\()/g, (whole, code: string | undefined, number: string) => {
    const memoId = code ? undefined : memoIds[Number(number) - 1];
    return memoId && /^[A-Za-z0-9_-]{1,191}$/.test(memoId) ? `[\\[${number}\\]](/m/${memoId})` : whole;
  });

let whose = person.value?.uid;
effect(() => {
  if (whose === person.value?.uid) return;
  whose = person.value?.uid;
  run.peek()?.stop();
  run.value = null;
  conversation.value = null;
  extras.value = null;
});
