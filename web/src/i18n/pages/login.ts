import { texts } from "../index";

export const { en, zh, t, tn } = texts(
  {
    "login.title": "Welcome back",
    "login.text": "Your memos, where you left them.",
    "login.none": "Make an account",
    "register.title": "Make an account",
    "register.text": "On this server, for you alone.",
    "register.name": "Name (optional)",
    "register.submit": "Make the account",
    "register.have": "I have an account",
    "register.closed": "This server does not take new accounts. Ask whoever runs it.",
  },
  {
    "login.title": "欢迎回来",
    "login.text": "你的备忘都在这里。",
    "login.none": "注册账号",
    "register.title": "注册账号",
    "register.text": "在这台服务器上，只属于你。",
    "register.name": "昵称（可选）",
    "register.submit": "注册",
    "register.have": "已有账号",
    "register.closed": "此服务器未开放注册，请联系管理员。",
  },
);
