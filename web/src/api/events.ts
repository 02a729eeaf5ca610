// Answers that come piece by piece, as server-sent events.
import { target, ApiError, failureOf, login, reachable } from "./http";

/** Longest silence between two pieces, in milliseconds. */
const SILENCE = 40_000;

/** Take complete events out of a text: what they hold, and the rest that is not complete yet. */
export function readEvents(text: string): { events: { name: string; data: unknown }[]; rest: string } {
  // A carriage return at the end may be half of a line break.
  const blocks = text.replace(/\r\n|\r(?!$)/g, "\n").split("\n\n");
  const rest = blocks.pop() ?? "";
  const events = blocks.flatMap((block) => {
    const lines = block.split("\n");
    const field = (name: string): string[] => lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).replace(/^ /, ""));
    const data = field("data").join("\n");
    return data ? [{ name: field("event")[0] ?? "message", data: JSON.parse(data) as unknown }] : [];
  });
  return { events, rest };
}

/**
 * Post a body and hear every event of the answer. Resolves when the answer has ended; a server that does not stream gives
 * one event `done`. Raises {@link ApiError}, and the signal's reason when it was stopped.
 */
export async function postForEvents(route: string, body: unknown, hear: (name: string, data: unknown) => void, stop: AbortSignal): Promise<void> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE);
  try {
    const response = await fetch(target(route, {}), {
      method: "POST",
      headers: { Accept: "text/event-stream, application/json", "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.any([stop, silence.signal]),
      credentials: "same-origin",
      cache: "no-store",
    });
    reachable.value = true;
    if (!response.body || !response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
      const text = await response.text();
      const envelope = parsed(text);
      const failure = failureOf(response, envelope);
      if (!failure) return hear("done", (envelope as { data: unknown }).data);
      clearTimeout(timer);
      if (failure.kind === "unauthorized" && login.again && (await login.again())) return await postForEvents(route, body, hear, stop);
      throw failure;
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE);
      const read = readEvents(rest + value);
      rest = read.rest;
      for (const { name, data } of read.events) hear(name, data);
    }
  } catch (error) {
    if (error instanceof ApiError || stop.aborted) throw error;
    if (silence.signal.aborted) throw new ApiError("timeout", "The server did not answer in time");
    reachable.value = false;
    throw new ApiError("offline", "The server cannot be reached");
  } finally {
    clearTimeout(timer);
    // Whatever still comes of an answer that nobody hears is not wanted.
    silence.abort();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
