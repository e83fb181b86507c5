/** Where unsaved decisions wait: IndexedDB in the browser, memory in tests and where IndexedDB is refused. */

import type { Answer, Operation } from "./wire";

/** Why an entry is no longer sent: the server said no, or somebody else was first. The person decides. */
export interface Problem {
  kind: "conflict" | "refused";
  reason: string;
  answer?: string | null;
  version?: number | null;
  by?: string | null;
  at?: string | null;
}

interface Common {
  url: string; // where it is sent
  problem?: Problem;
}
export interface VerdictEntry extends Common {
  kind: "verdict";
  operation: Operation;
}
export interface UndoEntry extends Common {
  kind: "undo";
  batch: string; // what is undone
  operation_id: string;
  class: number;
  said: { item: number; answer: Answer | ""; version: number }[]; // what counts again
}
export type Entry = VerdictEntry | UndoEntry;
export type Stored = Entry & { seq: number };

export interface OutboxStore {
  /** Appends in order; each entry gets the next `seq`. */
  add(entries: readonly Entry[]): Promise<void>;
  /** The oldest first, those with a problem included. */
  all(): Promise<Stored[]>;
  remove(seqs: readonly number[]): Promise<void>;
  /** null: it is to be sent again. */
  setProblem(seq: number, problem: Problem | null): Promise<void>;
}

function withProblem({ problem: _, ...entry }: Stored, problem: Problem | null): Stored {
  return problem ? { ...entry, problem } : entry;
}

export class MemoryStore implements OutboxStore {
  private entries: Stored[] = [];

  constructor(private next = 1) {}

  async add(entries: readonly Entry[]): Promise<void> {
    for (const entry of entries) this.entries.push({ ...structuredClone(entry), seq: this.next++ });
  }

  async all(): Promise<Stored[]> {
    return structuredClone(this.entries);
  }

  async remove(seqs: readonly number[]): Promise<void> {
    this.entries = this.entries.filter((entry) => !seqs.includes(entry.seq));
  }

  async setProblem(seq: number, problem: Problem | null): Promise<void> {
    this.entries = this.entries.map((entry) => (entry.seq === seq ? withProblem(entry, problem) : entry));
  }
}

/** From the first entry that `disk` refuses (it is full), entries are kept in memory: safe until the tab is closed. */
export class OverflowingStore implements OutboxStore {
  private readonly memory = new MemoryStore(FIRST_IN_MEMORY);
  private is_full = false;

  constructor(private readonly disk: OutboxStore) {}

  async add(entries: readonly Entry[]): Promise<void> {
    if (!this.is_full) {
      try {
        return await this.disk.add(entries);
      } catch {
        this.is_full = true; // for good: what is said later must not be sent sooner
      }
    }
    await this.memory.add(entries);
  }

  async all(): Promise<Stored[]> {
    return [...(await this.disk.all()), ...(await this.memory.all())];
  }

  async remove(seqs: readonly number[]): Promise<void> {
    await this.memory.remove(seqs);
    const stored = seqs.filter((seq) => seq < FIRST_IN_MEMORY);
    if (stored.length) await this.disk.remove(stored);
  }

  async setProblem(seq: number, problem: Problem | null): Promise<void> {
    await (seq < FIRST_IN_MEMORY ? this.disk : this.memory).setProblem(seq, problem);
  }
}

const ENTRIES = "entries";
const FIRST_IN_MEMORY = 2 ** 52; // above every number that the disk gives

export class IndexedStore implements OutboxStore {
  private constructor(private readonly database: IDBDatabase) {}

  /** The store of one person: on a shared computer nobody sends another's decisions. */
  static async open(user_id: number): Promise<IndexedStore> {
    const request = indexedDB.open(`sisyphus-outbox-${user_id}`, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(ENTRIES, { keyPath: "seq", autoIncrement: true });
    };
    return new IndexedStore(await answered(request));
  }

  async add(entries: readonly Entry[]): Promise<void> {
    await this.write((store) => {
      for (const entry of entries) store.add(entry);
    });
  }

  async all(): Promise<Stored[]> {
    return answered(this.database.transaction(ENTRIES).objectStore(ENTRIES).getAll() as IDBRequest<Stored[]>);
  }

  async remove(seqs: readonly number[]): Promise<void> {
    await this.write((store) => {
      for (const seq of seqs) store.delete(seq);
    });
  }

  async setProblem(seq: number, problem: Problem | null): Promise<void> {
    await this.write((store) => {
      const read = store.get(seq) as IDBRequest<Stored | undefined>;
      read.onsuccess = () => read.result && store.put(withProblem(read.result, problem));
    });
  }

  /** Resolved when the entries would survive the page. */
  private write(work: (store: IDBObjectStore) => void): Promise<void> {
    // "relaxed" is past a crash of the tab or the browser, and stored sooner than "strict".
    const transaction = this.database.transaction(ENTRIES, "readwrite", { durability: "relaxed" });
    work(transaction.objectStore(ENTRIES));
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
  }
}

function answered<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
