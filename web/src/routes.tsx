// Every page, by its address. Pages but the first are loaded when they are opened.
import type { ComponentType } from "preact";
import { lazy } from "./ui/lazy";
import { Today } from "./pages/today";

export interface PageProps {
  /** Parameters of the address, decoded. */
  id: string;
}

export interface Route {
  pattern: string;
  page: ComponentType<PageProps>;
  /** Whether it is for people who are not logged in, too. */
  open?: boolean;
  /** Whether it stands alone, without the navigation. */
  alone?: boolean;
}

/** Fetched ahead, since it is opened most often. */
export const MemoPage = lazy(() => import("./pages/memo"));

const AskPage = lazy(() => import("./pages/ask"));

export const ROUTES: readonly Route[] = [
  { pattern: "/", page: Today },
  { pattern: "/m/:id", page: MemoPage },
  { pattern: "/search", page: lazy(() => import("./pages/search")) },
  { pattern: "/ask", page: AskPage },
  { pattern: "/ask/:id", page: AskPage },
  { pattern: "/gallery", page: lazy(() => import("./pages/gallery")) },
  { pattern: "/review", page: lazy(() => import("./pages/review")) },
  { pattern: "/review/:id", page: lazy(() => import("./pages/review-session")) },
  { pattern: "/notifications", page: lazy(() => import("./pages/notifications")) },
  { pattern: "/trash", page: lazy(() => import("./pages/trash")) },
  { pattern: "/more", page: lazy(() => import("./pages/more")) },
  { pattern: "/tags", page: lazy(() => import("./pages/tags")) },
  { pattern: "/settings", page: lazy(() => import("./pages/settings")) },
  { pattern: "/outbox", page: lazy(() => import("./pages/outbox")) },
  { pattern: "/share/:id", page: lazy(() => import("./pages/public")), open: true, alone: true },
  { pattern: "/login", page: lazy(() => import("./pages/login")), open: true, alone: true },
  { pattern: "/register", page: lazy(() => import("./pages/login")), open: true, alone: true },
];
