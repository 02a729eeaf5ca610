import { texts } from "../index";

export const { en, zh, t, tn } = texts(
  {
    "settings.sessions": "Where you are logged in",
    "settings.sessionThis": "This device",
    "settings.sessionEnd": "Log out",
    "settings.sessionFacts": "{address}, last used {used}",
    "settings.deviceUnknown": "Unknown device",
    "settings.sessionsEndOthers": "Log out everywhere else",
    "settings.sessionsEndAll": "Log out everywhere",
    "settings.sessionsEndAllText": "You have to log in again on every device, on this one, too.",
    "settings.sessionsEnded_one": "{count} other login has ended",
    "settings.sessionsEnded_other": "{count} other logins have ended",
  },
  {
    "settings.sessions": "登录的设备",
    "settings.sessionThis": "本机",
    "settings.sessionEnd": "退出",
    "settings.sessionFacts": "{address}，最近使用于 {used}",
    "settings.deviceUnknown": "未知设备",
    "settings.sessionsEndOthers": "退出其他设备",
    "settings.sessionsEndAll": "退出所有设备",
    "settings.sessionsEndAllText": "所有设备都需要重新登录，包括本机。",
    "settings.sessionsEnded_one": "已退出其他 {count} 处登录",
    "settings.sessionsEnded_other": "已退出其他 {count} 处登录",
  },
);
