// What one is told, newest first. Opening one marks it as read.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Notification } from "@aimo/dto";
import { call } from "../api/http";
import { formatMoment } from "../i18n";
import { t, tn } from "../i18n/pages/notifications";
import { address } from "../lib/base";
import { fetchUnread, unread } from "../store/notifications";
import { report } from "../ui/errors";
import { Icon } from "../ui/icons";
import { Problem } from "../ui/problem";
import { Skeleton } from "../ui/skeleton";
import { useFetched, useSlow, useTitle } from "../ui/use";

const ROUTE = "/api/v1/notifications";

export default function Notifications() {
  useTitle(t("nav.notifications"));
  const fetched = useFetched((signal) => call("get", ROUTE, { signal }), []);
  const all = useSignal<readonly Notification[]>([]);
  const slow = useSlow(fetched.pending && !fetched.value);
  useEffect(() => {
    all.value = fetched.value?.notifications ?? [];
    if (fetched.value) void fetchUnread().catch(() => undefined);
  }, [fetched.value]);

  const show = (read: (one: Notification) => boolean): void => {
    all.value = all.value.map((one) => (read(one) ? { ...one, isRead: true } : one));
  };
  const read = async ({ notificationId }: Notification): Promise<void> => {
    await call("post", `${ROUTE}/{notificationId}/read`, { path: { notificationId }, keepalive: true });
    show((one) => one.notificationId === notificationId);
    await fetchUnread();
  };
  const readAll = async (): Promise<void> => {
    await call("post", `${ROUTE}/read-all`);
    show(() => true);
    await fetchUnread();
  };
  if (fetched.error && !fetched.value) return <Problem error={fetched.error} onRetry={fetched.again} />;
  const some = all.value.some((one) => !one.isRead);
  return (
    <div class="page narrow">
      <h1>{t("nav.notifications")}</h1>
      <div class="row">
        <p class="faint" role="status">
          {unread.value > 0 ? tn("notifications.unread", unread.value) : ""}
        </p>
        <span class="grow" />
        {(some || unread.value > 0) && (
          <button type="button" class="button" onClick={() => void readAll().catch(report)}>
            <Icon name="check" size={18} /> {t("notifications.readAll")}
          </button>
        )}
      </div>
      {slow && <Skeleton rows={2} />}
      {fetched.value && all.value.length === 0 && (
        <p class="faint">
          {t("notifications.empty")} <a href={address("/settings")}>{t("nav.settings")}</a>
        </p>
      )}
      <ul class="rows">
        {all.value.map((one) => (
          <li key={one.notificationId} class={one.isRead ? "" : "unread"}>
            <span class="dot" aria-hidden="true" />
            <a class="news" dir="auto" href={address(one.memoId ? `/m/${one.memoId}` : "/review")} onClick={() => !one.isRead && void read(one).catch(report)}>
              <b>
                {!one.isRead && <span class="sr-only">{t("notifications.new")} </span>}
                {one.title}
              </b>
              <p>{one.body}</p>
              <small>{formatMoment(Date.parse(one.createdAt))}</small>
            </a>
            {one.type === "spaced_repetition" && (
              <a href={address("/review")} aria-label={t("notifications.review")} title={t("notifications.review")} class="icon-button">
                <Icon name="review" />
              </a>
            )}
            {!one.isRead && (
              <button type="button" class="icon-button" aria-label={t("notifications.read", { title: one.title })} title={t("notifications.readShort")} onClick={() => void read(one).catch(report)}>
                <Icon name="check" />
              </button>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}
