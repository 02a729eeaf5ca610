import { texts } from "../index";

export const { en, zh, t, tn } = texts(
  {
    "trash.text": "Deleted memos stay here until you delete them for good.",
    "trash.search": "Search in the trash",
    "trash.empty": "The trash is empty",
    "trash.deleted": "Deleted {time}",
    "trash.restore": "Restore",
    "trash.restored": "Restored",
    "trash.purge": "Delete for good",
    "trash.purged": "Deleted for good",
    "trash.purgeTitle": "Delete for good?",
    "trash.purgeText": "The memo and the files that only it shows cannot be brought back.",
    "trash.emptyAll": "Empty the trash",
    "trash.emptyText": "Everything in it is deleted for good and cannot be brought back.",
  },
  {
    "trash.text": "删除的备忘会留在这里，直到你彻底删除。",
    "trash.search": "在回收站中搜索",
    "trash.empty": "回收站是空的",
    "trash.deleted": "删除于 {time}",
    "trash.restore": "恢复",
    "trash.restored": "已恢复",
    "trash.purge": "彻底删除",
    "trash.purged": "已彻底删除",
    "trash.purgeTitle": "彻底删除？",
    "trash.purgeText": "这条备忘以及只属于它的附件将无法恢复。",
    "trash.emptyAll": "清空回收站",
    "trash.emptyText": "其中的全部内容都会被彻底删除，无法恢复。",
  },
);
