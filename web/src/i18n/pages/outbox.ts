import { texts } from "../index";

export const { en, zh, t, tn } = texts(
  {
    "outbox.empty": "Everything is sent.",
    "outbox.failed": "The server refused it: {reason}",
    "outbox.discard": "Discard",
    "outbox.create": "New memo",
    "outbox.update": "Change",
    "outbox.delete": "Deletion",
    "outbox.restore": "Restoring",
    "outbox.gone": "The memo was deleted on another device.",
    "outbox.keepAsNew": "Keep it as a new memo",
  },
  {
    "outbox.empty": "全部已发送。",
    "outbox.failed": "服务器拒绝了：{reason}",
    "outbox.discard": "放弃",
    "outbox.create": "新备忘",
    "outbox.update": "修改",
    "outbox.delete": "删除",
    "outbox.restore": "恢复",
    "outbox.gone": "这条备忘已在另一台设备上删除。",
    "outbox.keepAsNew": "另存为新备忘",
  },
);
