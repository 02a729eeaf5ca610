// The only importer of `marked`: its lexer alone. What it makes of a text is drawn by markdown.tsx.
import { Lexer, type MarkedToken, type Token } from "marked";

export type { MarkedToken, Token };

/** Tokens of a memo's text. A single line break is kept: people write memos as they write messages. */
export const tokens = (text: string): Token[] => new Lexer({ gfm: true, breaks: true }).lex(text);
