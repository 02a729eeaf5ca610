// Text of memos as elements. It never becomes markup: HTML in it is shown as it was written, links lead only to http(s)
// and mail addresses, and pictures are those of the memo's own files.
import type { ComponentChildren, JSX } from "preact";
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Attachment } from "@aimo/dto";
import { address } from "../lib/base";
import { fileAddress, kindOf, sizeOf } from "../lib/files";
import type { MarkedToken, Token } from "./markdown-tokens";

type Tokens = (text: string) => Token[];

const lexer = signal<Tokens | null>(null);

// Anything that Markdown might read otherwise than as plain lines. Too often is harmless, too seldom is not.
const SYNTAX = /[*_`~[\]<>|\\]|^\s*(?:#{1,6}\s|[-+]\s|\d+[.)]\s|={3,}|-{2,}| {4})|https?:|www\.|@|&|\t/m;

/** Load what reads Markdown if one of these texts needs it. Lists wait for it, so that nothing jumps when it arrives. */
export async function loadMarkdownFor(texts: readonly string[]): Promise<void> {
  if (lexer.value || !texts.some((text) => SYNTAX.test(text))) return;
  try {
    lexer.value = (await import("./markdown-tokens")).tokens;
  } catch {
    // Offline before it was ever loaded: texts are shown as they were written.
  }
}

const SAFE = /^(?:https?:\/\/|mailto:)/i;

/** The address of a link that may be followed; null for any other. */
export function safeAddress(href: string): string | null {
  // Browsers drop these characters, which would turn "java\nscript:" into a scheme.
  const plain = href.replace(/[\u0000-\u0020\u007f-\u009f]/g, "");
  if (!SAFE.test(plain)) return null;
  try {
    return new URL(plain).href;
  } catch {
    return null;
  }
}

/** `/m/ID` of a link to another memo. */
const memoPath = (href: string): string | null => (/^\/m\/[A-Za-z0-9_-]{1,191}$/.test(href) ? href : null);

interface Context {
  files: readonly Attachment[];
  shared: boolean;
  /** Check or uncheck the task with this number, counted through the text. */
  onTask?: ((index: number, done: boolean) => void) | undefined;
  tasks: number;
  depth: number;
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };
const unescaped = (text: string): string => text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => ENTITIES[name] ?? "");

/** Tags in the text lead to the memos that carry them. */
function withTags(text: string): ComponentChildren {
  const parts = text.split(/((?<=^|[\s(（，。、])#[\p{L}\p{N}_][\p{L}\p{N}_\-/]*)/gu);
  if (parts.length === 1) return text;
  return parts.map((part, index) =>
    index % 2 ? (
      <a class="inline-tag" href={address(`/?tag=${encodeURIComponent(part.slice(1))}`)}>
        {part}
      </a>
    ) : (
      part
    ),
  );
}

function link(href: string, children: ComponentChildren): JSX.Element {
  const inside = memoPath(href);
  if (inside) return <a href={address(inside)}>{children}</a>;
  const safe = safeAddress(href);
  if (!safe) return <span>{children}</span>;
  return (
    <a href={safe} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}

function image(href: string, text: string, { files, shared }: Context): ComponentChildren {
  const own = files.find((file) => href === file.attachmentId || href.endsWith(`/${file.attachmentId}`));
  if (own && kindOf(own.type) === "image") return <img src={shared ? own.url : fileAddress(own)} alt={text || own.filename} loading="lazy" {...sizeOf(own)} />;
  return safeAddress(href) ? link(href, text || href) : text;
}

function list(items: readonly Token[] | undefined, context: Context): ComponentChildren {
  if (context.depth > 40) return null;
  context.depth += 1;
  const drawn = items?.map((token, index) => <Fragmented key={index}>{draw(token as MarkedToken, context)}</Fragmented>);
  context.depth -= 1;
  return drawn;
}

const Fragmented = ({ children }: { children?: ComponentChildren }) => <>{children}</>;

function draw(token: MarkedToken, context: Context): ComponentChildren {
  switch (token.type) {
    case "space":
    case "def":
      return null;
    case "heading": {
      // The page has the first levels itself.
      const Heading = `h${Math.min(token.depth + 2, 6)}` as "h3";
      return (
        <Heading class={`md-h${token.depth}`} dir="auto">
          {list(token.tokens, context)}
        </Heading>
      );
    }
    case "paragraph":
      return <p dir="auto">{list(token.tokens, context)}</p>;
    case "text":
      return "tokens" in token && token.tokens ? list(token.tokens, context) : withTags(unescaped(token.text));
    case "escape":
      return unescaped(token.text);
    case "html":
      return token.block ? <p dir="auto">{token.text}</p> : token.text;
    case "strong":
      return <strong>{list(token.tokens, context)}</strong>;
    case "em":
      return <em>{list(token.tokens, context)}</em>;
    case "del":
      return <del>{list(token.tokens, context)}</del>;
    case "codespan":
      return <code dir="ltr">{token.text}</code>;
    case "br":
      return <br />;
    case "hr":
      return <hr />;
    case "code":
      return (
        <pre dir="ltr" tabIndex={0}>
          <code>{token.text}</code>
        </pre>
      );
    case "blockquote":
      return <blockquote dir="auto">{list(token.tokens, context)}</blockquote>;
    case "link":
      return link(token.href, list(token.tokens, context));
    case "image":
      return image(token.href, token.text, context);
    case "list": {
      const items = token.items.map((item, index) => <Fragmented key={index}>{draw(item as MarkedToken, context)}</Fragmented>);
      return token.ordered ? <ol start={Number(token.start) || 1}>{items}</ol> : <ul>{items}</ul>;
    }
    case "list_item": {
      if (!token.task) return <li dir="auto">{list(token.tokens, context)}</li>;
      const index = context.tasks;
      context.tasks += 1;
      const { onTask } = context;
      return (
        <li class="task" dir="auto">
          <input
            type="checkbox"
            checked={token.checked ?? false}
            disabled={!onTask}
            aria-label={token.text}
            onChange={(event) => onTask?.(index, event.currentTarget.checked)}
          />
          <div>{list(token.tokens.filter((one) => one.type !== "checkbox"), context)}</div>
        </li>
      );
    }
    case "table":
      return (
        <div class="table" tabIndex={0} role="region">
          <table>
            <thead>
              <tr>{token.header.map((cell, index) => <th key={index} scope="col">{list(cell.tokens, context)}</th>)}</tr>
            </thead>
            <tbody>
              {token.rows.map((row, index) => (
                <tr key={index}>{row.map((cell, place) => <td key={place}>{list(cell.tokens, context)}</td>)}</tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    default:
      return (token as { raw: string }).raw;
  }
}

interface Props {
  text: string;
  files?: readonly Attachment[];
  /** Whether the reader may not be logged in: then only the addresses in the answer work. */
  shared?: boolean;
  onTask?: ((index: number, done: boolean) => void) | undefined;
}

/** A memo's text. Without Markdown in it, or until that can be read, it is shown in paragraphs as it was written. */
export function Markdown({ text, files = [], shared = false, onTask }: Props) {
  const tokens = lexer.value;
  const needed = SYNTAX.test(text);
  useEffect(() => {
    if (needed) void loadMarkdownFor([text]);
  }, [needed]);
  if (!needed || !tokens) {
    const paragraphs = text.split(/\n\s*\n/).filter((one) => one.trim());
    return (
      <div class="md">
        {paragraphs.map((one, index) => (
          <p key={index} class="plain" dir="auto">
            {withTags(one.replace(/^\n+|\s+$/g, ""))}
          </p>
        ))}
      </div>
    );
  }
  return <div class="md">{list(tokens(text), { files, shared, onTask, tasks: 0, depth: 0 })}</div>;
}

/** The text with the task of a number checked or not. */
export function withTask(text: string, index: number, done: boolean): string {
  let seen = -1;
  let fenced = false;
  return text
    .split("\n")
    .map((line) => {
      if (/^\s*(?:```|~~~)/.test(line)) fenced = !fenced;
      if (fenced || !/^\s*(?:>\s*)*(?:[-*+]|\d+[.)])\s+\[[ xX]\]\s/.test(line)) return line;
      seen += 1;
      return seen === index ? line.replace(/\[[ xX]\]/, done ? "[x]" : "[ ]") : line;
    })
    .join("\n");
}
