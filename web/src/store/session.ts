// Who is logged in. The token is in an HttpOnly cookie; this device remembers only whose it is.
import { signal } from "@preact/signals";
import type { UserInfo } from "@aimo/dto";
import { ApiError, call, login as again } from "../api/http";
import { address } from "../lib/base";
import { hear, tell } from "./channel";
import { fact, setFact, wipe } from "./db";

export type Person = Pick<UserInfo, "uid" | "email" | "nickname"> & { avatar?: string };

const PERSON = "aimo.person";

function remembered(): Person | null {
  try {
    return JSON.parse(localStorage.getItem(PERSON) ?? "null") as Person | null;
  } catch {
    return null;
  }
}

/** Who uses this browser; null: nobody is logged in. */
export const person = signal<Person | null>(remembered());

/** A request for the password that the user has to answer; null: none is open. */
export const passwordAsked = signal<{ settle: (again: boolean) => void } | null>(null);

let asked: Promise<boolean> | null = null;

/** Ask for the password in place. All requests that wait for it share one question. */
again.again = () => {
  if (!person.value) return Promise.resolve(false);
  asked ??= new Promise<boolean>((settle) => {
    passwordAsked.value = { settle };
  }).finally(() => {
    asked = null;
    passwordAsked.value = null;
  });
  return asked;
};

export function setPerson(one: Person | null): void {
  person.value = one;
  if (one) localStorage.setItem(PERSON, JSON.stringify(one));
  else localStorage.removeItem(PERSON);
}

/** Log in; what an other account left on this device goes, and is told by true. Raises ApiError. */
export async function logIn(email: string, password: string): Promise<boolean> {
  const { user } = await call("post", "/api/v1/auth/login", { body: { email, password }, anonymous: true });
  const owner = await fact<string>("owner");
  if (owner !== user.uid) {
    await wipe();
    await setFact("owner", user.uid);
  }
  setPerson({ uid: user.uid, email: user.email, nickname: user.nickname });
  tell({ about: "session" });
  return owner !== undefined && owner !== user.uid;
}

/** Make an account and log in to it, as {@link logIn} does. Raises ApiError. */
export async function register(email: string, password: string, nickname: string): Promise<boolean> {
  await call("post", "/api/v1/auth/register", { body: { email, password, ...(nickname && { nickname }) }, anonymous: true });
  return logIn(email, password);
}

/** Log out and forget everything that is kept on this device. Raises ApiError when the server cannot be told. */
export async function logOut(): Promise<void> {
  await call("post", "/api/v1/auth/logout", { anonymous: true });
  await forget();
}

/** Forget everything on this device, files that the worker keeps included. */
export async function forget(): Promise<void> {
  setPerson(null);
  await wipe();
  navigator.serviceWorker?.controller?.postMessage("forget");
  tell({ about: "session" });
}

/** Ask the server who one is, since name and picture may have changed elsewhere. Offline it stays as it was. */
export async function refreshPerson(): Promise<void> {
  try {
    const { uid, email, nickname, avatar } = await call("get", "/api/v1/user/info");
    setPerson({ uid, email, nickname, avatar });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

/** Load the client anew: what this tab holds of somebody in memory goes, and nobody else can see it. */
export const startOver = (path: string): void => location.replace(address(path));

hear((news) => {
  if (news.about !== "session") return;
  const now = remembered();
  if (person.value && person.value.uid !== now?.uid) startOver("/");
  else person.value = now;
});
