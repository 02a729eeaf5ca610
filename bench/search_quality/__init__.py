"""How well search finds: a labelled bilingual set of memos and queries, and what each way of ranking makes of it."""
