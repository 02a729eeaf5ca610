"""Questions over one's memos: finding passages, asking the chat model, and the graph around a memo.

See docs/contract/explore.md.
"""
