import { type Key, t } from "../i18n";
import { isApple } from "../lib/keys";
import { Dialog } from "./dialog";

const command = isApple ? "⌘" : "Ctrl";

const KEYS: readonly [string[], Key][] = [
  [["c"], "keys.write"],
  [[`${command} + Enter`], "keys.save"],
  [["/", `${command} + K`], "keys.search"],
  [["j", "k"], "keys.move"],
  [["Enter", "o"], "keys.open"],
  [["e"], "keys.edit"],
  [["p"], "keys.public"],
  [["Delete", "#"], "keys.delete"],
  [["z"], "keys.undo"],
  [["g h", "g s", "g r", "g a"], "keys.go"],
  [["g f", "g t", "g n", "g ,"], "keys.goMore"],
  [["Space", "1", "2", "3", "4"], "keys.grade"],
  [["Esc"], "keys.leave"],
  [["?"], "keys.help"],
];

/** The sheet of keys. */
export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={t("keys.title")} onClose={onClose}>
      <dl class="keys">
        {KEYS.map(([keys, meaning]) => (
          <div key={meaning}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{t(meaning)}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
