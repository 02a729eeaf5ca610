import { texts } from "../index";

export const { en, zh, t, tn } = texts(
  {
    "memo.connections": "Connections",
    "memo.graph": "Graph",
    "memo.relations": "Refers to",
    "memo.backlinks": "Referred to by",
    "memo.similar": "Similar",
  },
  {
    "memo.connections": "关联",
    "memo.graph": "关系图",
    "memo.relations": "引用了",
    "memo.backlinks": "被引用",
    "memo.similar": "相似的备忘",
  },
);
