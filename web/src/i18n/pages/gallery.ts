import { texts } from "../index";

export const { en, zh, t, tn } = texts(
  {
    "gallery.kinds": "Kinds of files",
    "gallery.pictures": "Pictures",
    "gallery.media": "Sound and video",
    "gallery.documents": "Documents",
    "gallery.empty": "No files of this kind",
    "gallery.emptyText": "What you attach to memos is collected here.",
    "gallery.memo": "To the memo",
  },
  {
    "gallery.kinds": "文件类型",
    "gallery.pictures": "图片",
    "gallery.media": "音频和视频",
    "gallery.documents": "文档",
    "gallery.empty": "没有这类文件",
    "gallery.emptyText": "你添加到备忘中的文件都会收集在这里。",
    "gallery.memo": "查看备忘",
  },
);
