import type { Clock } from "../ops/clock.ts";
import { DatabaseUnavailable, isExhausted, QUERY_DEADLINE_MS } from "./client.ts";
import type { Answer, Request } from "./embedded-worker.ts";

type Asked = {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
  /** Begins its deadline, anew when the one before it is answered: PGlite had no time for it. Gives what ends that. */
  arm?: () => () => void;
  stop?: () => void;
};
type Waiting = Asked & { question: Question };
type Question = Request extends infer R ? (R extends { id: number } ? Omit<R, "id"> : never) : never;

/** PGlite works on one question at a time; the second is there so that it need not wait for us in between. */
const IN_FLIGHT = 2;
const MAX_QUEUE = 10_000;
/** What goes on while it rests, and to open it again, may take longer than a question, but not for ever: everybody waits. */
const UPKEEP_DEADLINE_MS = 60_000;
const OPEN_AGAIN_MS = 1_000;

/**
 * Questions and answers over a Worker. The queue is on this side: who waits in it for longer than the deadline is refused alone, while
 * a question that PGlite itself does not answer in time means that it hangs, and it gets a new Worker.
 */
export class WorkerClient {
  #worker: Worker;
  #queue: Waiting[] = [];
  #asked = new Map<number, Asked>();
  #lastId = 0;
  #resting: Promise<void> | null = null;
  #idle = () => {};
  /** Nobody asks a Worker that opens: whoever waits for it would take it for one that hangs. */
  #opening: PromiseWithResolvers<void> | null = null;
  #unhurried = 0;
  #isOver = false;

  constructor(
    private readonly dataDir: string,
    private readonly after: Clock["after"],
    /** Tells the operator that the Worker was in trouble. */
    private readonly tell: (what: string, error?: unknown) => void,
  ) {
    this.#worker = this.#spawn();
  }

  open(): Promise<unknown> {
    return this.#post({ open: { dataDir: this.dataDir } });
  }

  /** For as long as it takes: who asks meanwhile waits, up to their deadline, and takes it for no Worker that hangs. */
  async ask(question: Question): Promise<unknown> {
    while (this.#resting || this.#opening) await (this.#resting ?? this.#opening!.promise);
    if (this.#isOver) throw new DatabaseUnavailable();
    this.#unhurried++;
    try {
      return await this.#post(question);
    } finally {
      this.#unhurried--;
      this.#pump();
    }
  }

  /** Does the work while PGlite has nothing to do; who asks meanwhile waits, up to their deadline. */
  async rest(work: (ask: (question: Question) => Promise<unknown>) => Promise<unknown>): Promise<void> {
    while (this.#resting) await this.#resting;
    const rested = Promise.withResolvers<void>();
    this.#resting = rested.promise;
    try {
      while (this.#opening || this.#asked.size)
        await (this.#opening?.promise ?? new Promise<void>((idle) => (this.#idle = idle)));
      if (this.#isOver) throw new DatabaseUnavailable();
      await work((question) => this.#post(question, () => this.after(UPKEEP_DEADLINE_MS, () => this.#restart())));
    } finally {
      this.#resting = null;
      rested.resolve();
      this.#pump();
    }
  }

  async close(): Promise<void> {
    try {
      // One that does not open has nothing to close.
      if (!this.#opening) await this.ask({ close: true });
    } finally {
      this.terminate();
    }
  }

  /** Settles within the deadline; what it did is unknown when it was missed. */
  query(question: Question): Promise<unknown> {
    if (this.#isOver || this.#queue.length >= MAX_QUEUE) return Promise.reject(new DatabaseUnavailable());
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const waiting: Waiting = { question, resolve, reject };
    const stop = this.after(QUERY_DEADLINE_MS, () => {
      const at = this.#queue.indexOf(waiting);
      if (at >= 0) this.#queue.splice(at, 1);
      reject(new DatabaseUnavailable());
    });
    this.#queue.push(waiting);
    this.#pump();
    return promise.finally(stop);
  }

  terminate(): void {
    this.#isOver = true;
    this.#stop();
    this.#opened();
  }

  #stop(): void {
    this.#worker.terminate();
    this.#failAsked(new DatabaseUnavailable());
  }

  #pump(): void {
    while (!this.#resting && !this.#opening && !this.#unhurried && this.#asked.size < IN_FLIGHT && this.#queue.length) {
      const { question, resolve, reject } = this.#queue.shift()!;
      this.#post(question, () => this.after(QUERY_DEADLINE_MS, () => this.#restart())).then(resolve, reject);
    }
  }

  #post(question: Question, arm?: Asked["arm"]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#asked.set(id, { resolve, reject, arm, stop: arm?.() });
      this.#worker.postMessage({ id, ...question });
    });
  }

  #restart(): void {
    if (this.#isOver) return;
    this.tell("the embedded database does not answer; starting it again");
    this.#replace();
    this.#openAgain();
  }

  #replace(): void {
    this.#stop();
    this.#worker = this.#spawn();
    this.#opening ??= Promise.withResolvers();
  }

  #openAgain(): void {
    const hangs = () => this.after(UPKEEP_DEADLINE_MS, () => this.#failAsked(new DatabaseUnavailable()));
    this.#post({ open: { dataDir: this.dataDir } }, hangs).then(
      () => {
        this.#opened();
        this.#pump();
      },
      (error) => {
        if (this.#isOver) return;
        this.tell("the embedded database does not open", error);
        this.#replace();
        this.after(OPEN_AGAIN_MS, () => this.#isOver || this.#openAgain());
      },
    );
  }

  #opened(): void {
    this.#opening?.resolve();
    this.#opening = null;
  }

  #failAsked(error: Error): void {
    for (const { reject, stop } of this.#asked.values()) {
      stop?.();
      reject(error);
    }
    this.#asked.clear();
    this.#idle();
  }

  #spawn(): Worker {
    const worker = new Worker(new URL("./embedded-worker.ts", import.meta.url).href);
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      const waiting = this.#asked.get(data.id);
      if (!waiting) return;
      this.#asked.delete(data.id);
      waiting.stop?.();
      for (const other of this.#asked.values()) {
        other.stop?.();
        other.stop = other.arm?.();
      }
      if ("error" in data) {
        const error = Object.assign(new Error(data.error.message), { code: data.error.code });
        waiting.reject(isExhausted(error.code) ? new DatabaseUnavailable(error) : error);
      } else waiting.resolve(data.result);
      this.#pump();
      if (!this.#asked.size) this.#idle();
    };
    worker.onerror = (event) => {
      this.#failAsked(new DatabaseUnavailable(event.message));
      this.#pump();
    };
    return worker;
  }
}
