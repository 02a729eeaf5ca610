/** The path below which the server is reached, with a slash at both ends: `/`, or `/aimo/`. */
export const BASE: string = new URL(document.querySelector("base")?.href ?? "/", location.href).pathname;

/** The address of a path of this server: `address("/api/v1/memos")`. */
export const address = (path: string): string => BASE + path.replace(/^\//, "");
