// What tabs of one browser tell each other.
export type News =
  | { about: "memos" } // the kept memos have changed
  | { about: "outbox" }
  | { about: "session" } // somebody logged in or out
  | { about: "labels" }; // tags or categories

const channel = new BroadcastChannel("aimo");
const listeners = new Set<(news: News) => void>();
channel.onmessage = (event: MessageEvent<News>) => listeners.forEach((listen) => listen(event.data));

/** Tell the other tabs; this one does not hear it. */
export const tell = (news: News): void => channel.postMessage(news);

export const hear = (listen: (news: News) => void): void => void listeners.add(listen);
