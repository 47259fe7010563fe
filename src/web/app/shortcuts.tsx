import { closeDialog, Dialog } from "./dialog.tsx";
import { chooseSingleKeys, singleKeys } from "./keys.ts";
import { IconButton } from "./parts.tsx";
import { words } from "./words/index.ts";

const isApple = /Mac|iP(hone|ad|od)/.test(navigator.platform);

/** The keys of the quick switcher, as they stand on this device's keyboard. */
export const switchKeys = () => (isApple ? ["⌘", "K"] : [words.value.keys.names.ctrl, "K"]);

/** What can be done, and by which keys: one way or several. */
function all(): [does: string, ...ways: string[][]][] {
  const { keys, room } = words.value;
  const { shift, enter, esc, pageUp, pageDown } = keys.names;
  const alt = isApple ? "⌥" : "Alt";
  return [
    [keys.goTo, switchKeys()],
    [keys.nextUnread, [alt, shift, "↓"]],
    [keys.previousUnread, [alt, shift, "↑"]],
    [keys.composer, [esc]],
    [keys.scroll, [pageUp], [pageDown]],
    [room.send, [enter]],
    [keys.newLine, [shift, enter]],
    ...(singleKeys.value
      ? ([
          [keys.title, ["?"]],
          [keys.write, ["A – Z"]],
        ] as [string, string[]][])
      : []),
  ];
}

export function Keys({ of }: { of: string[] }) {
  return (
    <>
      {of.map((key) => (
        <kbd key={key}>{key}</kbd>
      ))}
    </>
  );
}

/** All there is for keys. */
export function Shortcuts() {
  const w = words.value.keys;
  return (
    <Dialog name="shortcuts" label={w.title}>
      <header>
        <h2>{w.title}</h2>
        <IconButton icon="close" label={w.close} onClick={closeDialog} />
      </header>
      <div class="scrolls" tabIndex={0} role="region" aria-label={w.all}>
        <dl>
          {all().map(([does, ...ways]) => (
            <div key={does}>
              <dt>{does}</dt>
              <dd>
                {ways.map((keys) => (
                  <span key={keys.join()} class="keys">
                    <Keys of={keys} />
                  </span>
                ))}
              </dd>
            </div>
          ))}
        </dl>
      </div>
      <label class="choice">
        <input
          type="checkbox"
          checked={singleKeys.value}
          onChange={({ currentTarget }) => chooseSingleKeys(currentTarget.checked)}
        />
        {w.single}
      </label>
    </Dialog>
  );
}
