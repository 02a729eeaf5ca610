import { texts } from "../index";

export const { en, zh, t, tn } = texts(
  {
    "theme": "Theme",
    "theme.system": "As the system",
    "theme.light": "Light",
    "theme.dark": "Dark",
    "language": "Language",
    "language.system": "As the browser",
    "logout": "Log out",
    "logout.anyway": "Log out anyway",
  },
  {
    "theme": "主题",
    "theme.system": "跟随系统",
    "theme.light": "浅色",
    "theme.dark": "深色",
    "language": "语言",
    "language.system": "跟随浏览器",
    "logout": "退出登录",
    "logout.anyway": "仍然退出",
  },
);
