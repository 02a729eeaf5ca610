import { texts } from "../index";

export const { en, zh, t, tn } = texts(
  {
    "public.by": "{name}, {time}",
    "public.somebody": "Somebody",
  },
  {
    "public.by": "{name}，{time}",
    "public.somebody": "匿名",
  },
);
