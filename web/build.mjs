// Builds the client into src/aimo/http/web: the same sources give the same bytes.
//   node build.mjs [--out FOLDER]
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const flag = process.argv.indexOf("--out");
const out = resolve(flag > 0 ? process.argv[flag + 1] : join(here, "../src/aimo/http/web"));

const BUDGET = { script: 45_000, style: 8_000, everything: 120_000 };

const shared = {
  absWorkingDir: here,
  bundle: true,
  charset: "utf8",
  define: { "process.env.NODE_ENV": '"production"' },
  format: "esm",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  logLevel: "warning",
  minify: true,
  target: ["es2022", "chrome109", "firefox115", "safari16"],
  write: true,
};

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const { metafile } = await build({
  ...shared,
  entryPoints: { app: "src/main.tsx", theme: "src/theme-boot.ts", style: "src/styles/main.css" },
  entryNames: "assets/[name]-[hash]",
  chunkNames: "assets/[name]-[hash]",
  metafile: true,
  outdir: out,
  splitting: true,
});

const outputs = Object.entries(metafile.outputs).map(([path, facts]) => ({ ...facts, name: relative(out, resolve(here, path)) }));
const entry = (source) => outputs.find((one) => one.entryPoint === source);
const app = entry("src/main.tsx");
const byName = new Map(outputs.map((one) => [one.name, one]));

/** An output with everything that it imports at once. */
function closure(first, found = new Set()) {
  if (found.has(first.name)) return found;
  found.add(first.name);
  for (const { path, kind } of first.imports) {
    if (kind === "import-statement") closure(byName.get(relative(out, resolve(here, path))), found);
  }
  return found;
}
const atOnce = closure(app);
const catalogue = closure(entry("src/i18n/zh.ts"));

cpSync(join(here, "public"), out, { recursive: true });
const preload = [...atOnce].filter((name) => name !== app.name).sort();
const page = readFileSync(join(here, "index.html"), "utf8")
  .replace("%THEME%", `/${entry("src/theme-boot.ts").name}`)
  .replace("%STYLE%", `/${entry("src/styles/main.css").name}`)
  .replace("%APP%", `/${app.name}`)
  .replace("%PRELOAD%", preload.map((name) => `<link rel="modulepreload" href="/${name}">`).join("\n"));
writeFileSync(join(out, "index.html"), page);

// The worker keeps what it lists; another list, or another byte in it, is another version.
const kept = ["index.html", "manifest.webmanifest", "favicon.svg", ...outputs.map((one) => one.name).sort()];
const version = createHash("sha256");
for (const name of kept) version.update(name).update(readFileSync(join(out, name)));
const worker = await build({
  ...shared,
  define: {
    ...shared.define,
    BUILD_FILES: JSON.stringify(kept.filter((name) => name !== "index.html")),
    BUILD_VERSION: JSON.stringify(version.digest("hex").slice(0, 16)),
  },
  entryPoints: { sw: "src/worker/sw.ts" },
  format: "iife",
  outdir: out,
});
if (worker.errors.length) process.exit(1);

const brotli = (bytes) =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
const sizes = new Map();
for (const name of readdirSync(join(out, "assets")).sort()) {
  const path = join(out, "assets", name);
  const bytes = readFileSync(path);
  const small = brotli(bytes);
  sizes.set(`assets/${name}`, small.length);
  writeFileSync(`${path}.br`, small);
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
}

const sum = (names) => [...names].reduce((total, name) => total + sizes.get(name), 0);
const used = {
  script: sum(new Set([...atOnce, ...catalogue, entry("src/theme-boot.ts").name])),
  style: sum([entry("src/styles/main.css").name]),
  everything: sum(sizes.keys()) + brotli(readFileSync(join(out, "sw.js"))).length,
};
const line = Object.entries(used).map(([what, bytes]) => `${what} ${(bytes / 1000).toFixed(1)} of ${BUDGET[what] / 1000} kB`);
console.log(`Built with brotli sizes: ${line.join(", ")}`);
const over = Object.keys(BUDGET).filter((what) => used[what] > BUDGET[what]);
if (over.length) {
  console.error(`Over budget: ${over.join(", ")}`);
  process.exit(1);
}
