import { texts } from "../index";

export const { en, zh, t, tn } = texts(
  {
    "rules.includes": "Only {name}",
    "rules.excludes": "Without {name}",
    "rules.lastDays": "the last {days} days",
    "rules.mode": "Rule",
    "rules.include": "Only these",
    "rules.exclude": "Without these",
    "rules.kind": "By",
    "rules.tag": "Tag",
    "rules.recentDays": "Last days",
    "rules.dateRange": "Dates",
    "rules.days": "Days",
  },
  {
    "rules.includes": "仅限 {name}",
    "rules.excludes": "排除 {name}",
    "rules.lastDays": "最近 {days} 天",
    "rules.mode": "规则",
    "rules.include": "仅限",
    "rules.exclude": "排除",
    "rules.kind": "依据",
    "rules.tag": "标签",
    "rules.recentDays": "最近几天",
    "rules.dateRange": "日期",
    "rules.days": "天数",
  },
);
