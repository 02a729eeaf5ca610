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
    "register.first": "Welcome to AIMO",
    "register.firstText": "Nobody has an account on this server yet. Make the first one: yours.",
    "register.firstClosed": "Nobody has an account on this server, and it takes no new ones. Whoever runs it sets ALLOW_REGISTRATION to true, and starts it again.",
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
    "register.first": "欢迎使用 AIMO",
    "register.firstText": "这台服务器上还没有账号，来创建第一个吧。",
    "register.firstClosed": "这台服务器上还没有账号，也未开放注册。请管理员将 ALLOW_REGISTRATION 设为 true 后重新启动。",
    "register.closed": "此服务器未开放注册，请联系管理员。",
  },
);
