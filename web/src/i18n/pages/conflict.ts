import { texts } from "../index";

export const { en, zh, t, tn } = texts(
  {
    "conflict.title": "Changed on another device",
    "conflict.text": "You and another device changed this memo at the same time. Nothing is lost: choose what stays.",
    "conflict.mine": "Yours, {time}",
    "conflict.theirs": "The other one, {time}",
    "conflict.keepMine": "Keep yours",
    "conflict.keepTheirs": "Keep the other one",
    "conflict.keepBoth": "Keep both",
  },
  {
    "conflict.title": "已在另一台设备上修改",
    "conflict.text": "你和另一台设备同时修改了这条备忘。两份内容都还在，请选择保留哪一份。",
    "conflict.mine": "你的修改，{time}",
    "conflict.theirs": "另一份，{time}",
    "conflict.keepMine": "保留我的",
    "conflict.keepTheirs": "保留另一份",
    "conflict.keepBoth": "两份都保留",
  },
);
