"""Questions over one's memos: finding passages, asking the chat model, and the graph around a memo (contract 10)."""
