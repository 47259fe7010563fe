/** Texts of this many characters in all, and more, leave piece by piece, as fast as their reader takes them. */
const LARGE = 64 * 1024;
const PIECE = 32 * 1024;
/** What large answers may hold of a process's memory while their readers take their time, in characters of their texts. */
const MAX_WAITING = 1024 * 1024;

type Item = { content: string; text?: string };
export type Answer = (before: string, items: readonly Item[], after: string) => ReadableStream | string;

/**
 * The bodies of answers with many messages: JSON, `before`, the array and `after`. A page can have five megabytes, and its reader all
 * the time in the world: a large one is written out only as it is read, and where all together hold too much, the oldest is dropped.
 */
export function createAnswers(maxWaiting = MAX_WAITING): Answer {
  /** The oldest first. */
  const unread = new Map<symbol, { size: number; drop: () => void }>();
  let waiting = 0;

  function forget(key: symbol): void {
    waiting -= unread.get(key)?.size ?? 0;
    unread.delete(key);
  }

  function pieceByPiece(before: string, items: readonly Item[], after: string, size: number): ReadableStream {
    const key = Symbol();
    let left = items;
    let at = 0;
    return new ReadableStream(
      {
        start() {
          for (const [key, oldest] of unread) {
            if (waiting + size <= maxWaiting) break;
            oldest.drop();
            forget(key);
          }
          unread.set(key, { size, drop: () => (left = []) });
          waiting += size;
        },
        pull(controller) {
          // Dropped: nothing more comes, not even an end, and the runtime closes what is idle. An error would be told in the log each time.
          if (!unread.has(key)) return new Promise(() => {});
          let piece = at === 0 ? `${before}[` : "";
          for (; at < left.length && piece.length < PIECE; at++) piece += (at ? "," : "") + JSON.stringify(left[at]);
          const isLast = at === left.length;
          controller.enqueue(Buffer.from(isLast ? `${piece}]${after}` : piece));
          if (!isLast) return undefined;
          forget(key);
          controller.close();
          return undefined;
        },
        cancel: () => forget(key),
      },
      { highWaterMark: 0 },
    );
  }

  return function answer(before, items, after) {
    const size = items.reduce((sum, { content, text }) => sum + content.length + (text?.length ?? 0), 0);
    if (size >= LARGE) return pieceByPiece(before, items, after, size);
    const whole = before + JSON.stringify(items) + after;
    return whole.length < 12_000 ? whole : inOnePiece(whole);
  };
}

/**
 * A body that is made as it is read. Where the rest cannot be made, nothing more comes, not even an end, and the runtime closes what is idle.
 */
export function inPieces(before: string, pieces: AsyncGenerator<string>, after: string): ReadableStream {
  let begun = false;
  return new ReadableStream(
    {
      async pull(controller) {
        if (!begun) {
          begun = true;
          return controller.enqueue(Buffer.from(before));
        }
        const next = await pieces.next().catch(() => null);
        if (!next) return new Promise(() => {});
        controller.enqueue(Buffer.from(next.done ? after : next.value));
        return next.done ? controller.close() : undefined;
      },
      cancel: () => void pieces.return(undefined),
    },
    { highWaterMark: 0 },
  );
}

/**
 * Bun 1.4 writes an answer of 16 kB and more, given after an await, header by header, in some twenty system calls. What comes from a
 * stream of its own kind leaves in two.
 */
function inOnePiece(text: string): ReadableStream {
  return new ReadableStream({
    type: "direct",
    pull(controller: ReadableStreamDirectController) {
      controller.write(text);
      void controller.end();
    },
  } as unknown as UnderlyingSource);
}
