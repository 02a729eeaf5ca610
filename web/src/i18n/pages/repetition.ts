import { texts } from "../index";

export const { en, zh, t, tn } = texts(
  {
    "repetition.title": "Spaced repetition",
    "repetition.text": "Memos come back when you are about to forget them.",
    "repetition.remind": "Remind me every morning",
    "repetition.limit": "Memos a day at most",
    "repetition.which": "Which memos take part",
    "repetition.all": "All memos take part.",
    "repetition.remove": "Remove the rule “{rule}”",
    "repetition.add": "Add rule",
    "repetition.import": "Add memos that have no card yet",
    "repetition.imported_one": "{count} memo added",
    "repetition.imported_other": "{count} memos added",
  },
  {
    "repetition.title": "间隔重复",
    "repetition.text": "在快要忘记的时候，让备忘再次出现。",
    "repetition.remind": "每天早晨提醒我",
    "repetition.limit": "每天最多条数",
    "repetition.which": "参与的备忘",
    "repetition.all": "所有备忘都参与。",
    "repetition.remove": "移除规则“{rule}”",
    "repetition.add": "添加规则",
    "repetition.import": "加入还没有卡片的备忘",
    "repetition.imported_one": "已加入 {count} 条备忘",
    "repetition.imported_other": "已加入 {count} 条备忘",
  },
);
