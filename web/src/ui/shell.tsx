// The frame of every page: a rail on wide windows, a bar at the bottom of narrow ones.
import type { ComponentChildren } from "preact";
import { reachable } from "../api/http";
import { formatNumber, type Key, t, tn } from "../i18n";
import { address } from "../lib/base";
import { path } from "../router";
import { ROUTES } from "../routes";
import { unread } from "../store/notifications";
import { entries } from "../store/sender";
import { updateReady, useUpdate } from "../update";
import { Icon, type IconName } from "./icons";
import { openSearch } from "./overlays";

interface Place {
  href: string;
  label: Key;
  icon: IconName;
}

const MAIN: readonly Place[] = [
  { href: "/", label: "nav.today", icon: "today" },
  { href: "/search", label: "nav.search", icon: "search" },
  { href: "/review", label: "nav.review", icon: "review" },
  { href: "/ask", label: "nav.ask", icon: "ask" },
];

/** Places that the rail shows too, and telephones on the page "More". */
export const OTHERS: readonly Place[] = [
  { href: "/gallery", label: "nav.gallery", icon: "gallery" },
  { href: "/tags", label: "nav.tags", icon: "tag" },
  { href: "/notifications", label: "nav.notifications", icon: "bell" },
  { href: "/trash", label: "nav.trash", icon: "trash" },
  { href: "/settings", label: "nav.settings", icon: "settings" },
];

const isHere = (href: string): boolean => (href === "/" ? path.value === "/" : path.value === href || path.value.startsWith(`${href}/`));

/** Places that have a page. */
export const places = (some: readonly Place[]): Place[] => some.filter(({ href }) => ROUTES.some((route) => route.pattern === href));

/** The number of unread notifications, at their place and at the one that leads to it on telephones. */
export function Unread({ of }: { of: string }) {
  if (!unread.value || (of !== "/notifications" && of !== "/more")) return null;
  return (
    <b class="count" role="img" aria-label={t("nav.unread", { count: formatNumber(unread.value) })}>
      {formatNumber(unread.value)}
    </b>
  );
}

function Item({ href, label, icon }: Place) {
  return (
    <a class="nav-item" href={address(href)} aria-current={isHere(href) ? "page" : undefined}>
      <Icon name={icon} size={22} />
      <span>{t(label)}</span>
      <Unread of={href} />
    </a>
  );
}

/** Whether there is a page of settings; otherwise "More" has what matters most of them. */
const hasSettings = (): boolean => ROUTES.some((route) => route.pattern === "/settings");

export function Shell({ children }: { children: ComponentChildren }) {
  return (
    <div class="shell">
      <a class="skip" href="#main">
        {t("nav.skip")}
      </a>
      <nav class="nav" aria-label={t("nav.label")}>
        <a class="brand" href={address("/")}>
          <Logo />
          <span>AIMO</span>
        </a>
        {places(MAIN).map((place) =>
          place.href === "/search" ? (
            <button key={place.href} type="button" class="nav-item" aria-current={isHere(place.href) ? "page" : undefined} onClick={openSearch}>
              <Icon name={place.icon} size={22} />
              <span>{t(place.label)}</span>
            </button>
          ) : (
            <Item key={place.href} {...place} />
          ),
        )}
        <div class="nav-others">
          {places(OTHERS).map((place) => (
            <Item key={place.href} {...place} />
          ))}
        </div>
        <div class={hasSettings() ? "nav-more" : "nav-more always"}>
          <Item href="/more" label="nav.more" icon="more" />
        </div>
      </nav>
      <main id="main" tabIndex={-1}>
        <Notices />
        {children}
      </main>
    </div>
  );
}

export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 48 48" width="28" height="28" aria-hidden="true">
      <rect width="48" height="48" rx="12" />
      <path d="M13 34.5 22.6 13h2.8L35 34.5" />
      <circle cx="24" cy="28.5" r="2.9" />
    </svg>
  );
}

/** Quiet lines above the page: away from the server, things to send, a new version. */
function Notices() {
  const waiting = entries.value.filter((entry) => entry.state === "waiting" && entry.change.kind !== "delete").length;
  const stuck = entries.value.filter((entry) => entry.state !== "waiting").length;
  return (
    <div class="notices" role="status">
      {!reachable.value && (
        <p class="notice">
          <Icon name="cloud" size={18} />
          <span>{waiting ? tn("offline.waiting", waiting) : t("offline.reading")}</span>
        </p>
      )}
      {stuck > 0 && (
        <p class="notice bad">
          <Icon name="warn" size={18} />
          <span>{tn("outbox.stuck", stuck)}</span>
          <a href={address("/outbox")}>{t("outbox.look")}</a>
        </p>
      )}
      {updateReady.value && (
        <p class="notice">
          <Icon name="spark" size={18} />
          <span>{t("update.ready")}</span>
          <button type="button" class="link" onClick={useUpdate}>
            {t("update.use")}
          </button>
        </p>
      )}
    </div>
  );
}
