import { texts } from "../index";

export const { en, zh, t, tn } = texts(
  {
    "settings.device": "On this device",
    "settings.zone": "Times are shown in {zone}, the zone of this device.",
    "settings.about": "About",
    "settings.docs": "Documentation of the API",
  },
  {
    "settings.device": "本机",
    "settings.zone": "时间按本机时区 {zone} 显示。",
    "settings.about": "关于",
    "settings.docs": "API 文档",
  },
);
