// A client that is written against the types alone: it compiles as long as the contract holds.
import type { Exploration, Failure, Memo, MemoBody, paths, PushRule, Sources, StreamError, Token } from "../index";

type Json<Answer> = Answer extends { content: { "application/json": infer Body } } ? Body : never;
type Result<Operation> = Operation extends { responses: { 200: infer Answer } } ? Json<Answer> : never;
type Query<Operation> = Operation extends { parameters: { query?: infer Asked } } ? NonNullable<Asked> : never;
type Data<Envelope> = Envelope extends { data: infer Inner } ? NonNullable<Inner> : never;

type MemoList = paths["/api/v1/memos"]["get"];
type MemoCreation = paths["/api/v1/memos"]["post"];

class Refusal extends Error {
  constructor(readonly code: Failure["code"], message: string) {
    super(message);
  }
}

export class Client {
  constructor(private readonly address: string, private readonly token: string) {}

  async memos(query: Query<MemoList>): Promise<Memo[]> {
    const asked = new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)]));
    const page = await this.send<Result<MemoList>>("GET", `/memos?${asked}`);
    return page.items;
  }

  async write(body: MemoBody): Promise<string> {
    const { memo } = await this.send<Result<MemoCreation>>("POST", "/memos", body);
    return memo.memoId;
  }

  async rules(): Promise<PushRule[]> {
    return (await this.send<Result<paths["/api/v1/push-rules"]["get"]>>("GET", "/push-rules")).pushRules;
  }

  private async send<Answer>(method: string, path: string, body?: unknown): Promise<Data<Answer>> {
    const headers = { Authorization: `Bearer ${this.token}`, "Content-Type": "application/json" };
    const sent = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
    const answer: unknown = await (await fetch(`${this.address}/api/v1${path}`, sent)).json();
    const { code, msg, data } = answer as { code: number; msg: string; data: Data<Answer> };
    if (code !== 0) throw new Refusal(code, msg);
    return data;
  }
}

export type AnswerEvent =
  | { event: "sources"; data: Sources }
  | { event: "token"; data: Token }
  | { event: "done"; data: Exploration }
  | { event: "error"; data: StreamError };

export function told(events: AnswerEvent[]): string {
  return events.map((one) => (one.event === "token" ? one.data.text : "")).join("");
}

export const score = (memo: Memo): number => memo.relevanceScore ?? 0;
export const download = (id: paths["/api/v1/attachments/{attachmentId}/download"]["get"]["parameters"]["path"]) =>
  id.attachmentId;

// Where types are lost, anything goes; so these must be refused.
// @ts-expect-error a memo has no such field
export const stranger = (memo: Memo) => memo.owner;
// @ts-expect-error the text of a memo is no number
export const wrong: MemoBody = { content: 1 };
// @ts-expect-error there is no such route
export type Unknown = paths["/api/v1/notes"];
// @ts-expect-error this one cannot be deleted
export type Undeletable = paths["/api/v1/system/version"]["delete"]["responses"];
