// Requests to the server: the envelope, timeouts, and what failures mean.
import { signal } from "@preact/signals";
import type { paths } from "@aimo/dto";
import { address } from "../lib/base";

/** Why a request failed, as far as a page cares. */
export type Failure =
  | "offline" // no answer: network or server away
  | "timeout"
  | "unauthorized" // and the user did not log in again
  | "conflict" // somebody changed it meanwhile; `data` is what it is now
  | "missing"
  | "busy" // too many requests
  | "outdated" // this server does not know the route
  | "refused" // the server says why
  | "server"; // a fault on its side

export class ApiError extends Error {
  constructor(
    readonly kind: Failure,
    message: string,
    readonly code: number = 0,
    readonly data: unknown = null,
    /** Seconds after which to try again, where the server says so. */
    readonly retryAfter: number = 0,
  ) {
    super(message);
  }

  /** Whether the same request can succeed later without anybody's help. */
  get isTransient(): boolean {
    return ["offline", "timeout", "busy", "server"].includes(this.kind);
  }
}

/** Whether the server answered last time. */
export const reachable = signal(true);

/** Asks the user to log in again; says whether to repeat the request. Set by the session. */
export const login: { again: (() => Promise<boolean>) | null } = { again: null };

type Method = "get" | "post" | "put" | "patch" | "delete";
type Known<M extends Method> = { [P in keyof paths]: paths[P] extends Record<M, infer Operation> ? (Operation extends object ? P : never) : never }[keyof paths];
type Json<Answer> = Answer extends { content: { "application/json": infer Body } } ? Body : never;
type Result<Operation> = Operation extends { responses: { 200: infer Answer } } ? Json<Answer> : never;
type Data<Envelope> = Envelope extends { data?: infer Inner } ? NonNullable<Inner> : never;
type Query<Operation> = Operation extends { parameters: { query?: infer Asked } } ? NonNullable<Asked> : never;
type Body<Operation> = Operation extends { requestBody?: { content: { "application/json": infer Sent } } } ? Sent : never;

type Value = string | number | boolean | null | undefined | readonly string[];

export interface Extra<Q = Record<string, Value>, B = unknown> {
  path?: Record<string, string>;
  query?: Q;
  body?: B;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Milliseconds; 20,000 when absent. */
  timeout?: number;
  /** Answer 401 with an error instead of asking for the password. */
  anonymous?: boolean;
  /** Go on with it when the page is left. */
  keepalive?: boolean;
}

export interface Answer<T> {
  data: T;
  headers: Headers;
}

/** Call a documented route and return what its envelope holds. Raises {@link ApiError}. */
export async function call<M extends Method, P extends Known<M> & string>(
  method: M,
  route: P,
  extra: Extra<Query<paths[P][M]>, Body<paths[P][M]>> = {},
): Promise<Data<Result<paths[P][M]>>> {
  return (await send<Data<Result<paths[P][M]>>>(method, route, extra as Extra)).data;
}

/** The address of a route with its parameters in place. */
export function target(route: string, extra: Pick<Extra, "path" | "query">): string {
  const filled = route.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(extra.path?.[name] ?? ""));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(extra.query ?? {})) {
    if (value === undefined || value === null || value === "") continue;
    if (Array.isArray(value)) for (const one of value) query.append(`${name}[]`, one);
    else query.append(name, String(value));
  }
  return address(filled) + (query.size ? `?${query}` : "");
}

/** Call any route, headers of the answer included. Raises {@link ApiError}. */
export async function send<T>(method: string, route: string, extra: Extra = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = { Accept: "application/json", Prefer: "picture-sizes", ...extra.headers };
  const body = extra.body instanceof FormData || extra.body === undefined ? extra.body : JSON.stringify(extra.body);
  if (typeof body === "string") headers["Content-Type"] = "application/json";
  const clock = AbortSignal.timeout(extra.timeout ?? 20_000);
  let response: Response;
  let text: string;
  try {
    response = await fetch(target(route, extra), {
      method: method.toUpperCase(),
      headers,
      body: body ?? null,
      signal: extra.signal ? AbortSignal.any([clock, extra.signal]) : clock,
      credentials: "same-origin",
      cache: "no-store",
      keepalive: extra.keepalive ?? false,
    });
    text = await response.text();
  } catch (error) {
    if (extra.signal?.aborted) throw error;
    if (clock.aborted) throw new ApiError("timeout", "The server did not answer in time");
    reachable.value = false;
    throw new ApiError("offline", "The server cannot be reached");
  }
  reachable.value = true;
  const failure = failureOf(response, parse(text));
  if (!failure) return { data: (parse(text) as { data: T }).data, headers: response.headers };
  if (failure.kind === "unauthorized" && !extra.anonymous && login.again && (await login.again())) return send(method, route, extra);
  throw failure;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** What an answer says went wrong; null when nothing did. */
export function failureOf(response: Pick<Response, "status" | "headers">, body: unknown): ApiError | null {
  const envelope = (typeof body === "object" && body !== null ? body : {}) as { code?: number; msg?: string; message?: string; data?: unknown };
  const message = envelope.msg ?? envelope.message ?? `HTTP ${response.status}`;
  const code = envelope.code ?? 0;
  const fail = (kind: Failure): ApiError =>
    new ApiError(kind, message, code, envelope.data ?? null, Number(response.headers.get("Retry-After")) || 0);
  const { status } = response;
  if (status === 401) return fail("unauthorized");
  if (status === 412) return fail("conflict");
  if (status === 429) return fail("busy");
  if (status === 409 && response.headers.has("Retry-After")) return fail("busy");
  if (status >= 500) return fail("server");
  if (typeof envelope.code !== "number") return fail(status < 400 || status === 404 ? "outdated" : "refused");
  if (code === 0) return null;
  if (code === 3 || code === 4002) return fail("missing");
  return fail(code === 1 || code === 2000 ? "server" : "refused");
}
