import { texts } from "../index";

export const { en, zh, t, tn } = texts(
  {
    "notifications.unread_one": "{count} is unread",
    "notifications.unread_other": "{count} are unread",
    "notifications.readAll": "Mark all as read",
    "notifications.read": "Mark “{title}” as read",
    "notifications.readShort": "Mark as read",
    "notifications.new": "New:",
    "notifications.review": "To the review",
    "notifications.empty": "Nothing yet. Reminders of memos that are due come here when they are switched on:",
  },
  {
    "notifications.unread_one": "{count} 条未读",
    "notifications.unread_other": "{count} 条未读",
    "notifications.readAll": "全部标为已读",
    "notifications.read": "将“{title}”标为已读",
    "notifications.readShort": "标为已读",
    "notifications.new": "新：",
    "notifications.review": "去复习",
    "notifications.empty": "还没有通知。开启提醒后，到期备忘的提醒会出现在这里：",
  },
);
