/** How PostgreSQL answers what a piece of code asks it. */
import type { Database } from "../../src/db/client.ts";

export type Node = {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "Actual Rows": number;
  "Actual Loops": number;
  "Rows Removed by Filter"?: number;
  Plans?: Node[];
};

/** Runs it, and explains each of its questions: the nodes of its plan, with what they did. */
export type Plans = (run: () => Promise<unknown>) => Promise<Node[][]>;

/** The same database, and the plans of what it is asked. */
export function explaining(database: Database): { db: Database; plans: Plans } {
  let asked: [sql: string, params: unknown[]][] = [];
  const db = recording(database, (sql, params) => asked.push([sql, params]));
  const plans: Plans = async (run) => {
    asked = [];
    await run();
    return Promise.all(
      asked.map(async ([sql, params]) => {
        const [row] = await db.query<Record<string, { Plan: Node }[]>>(`EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`, params);
        return flatten(Object.values(row!)[0]![0]!.Plan);
      }),
    );
  };
  return { db, plans };
}

const flatten = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(flatten)];

/** The same database, telling what it is asked. */
function recording(db: Database, tell: (sql: string, params: unknown[]) => void): Database {
  type Session = { session: { client: (sql: string, params: unknown[], method: string) => unknown } };
  const { session } = db.orm as unknown as Session;
  const { client } = session;
  session.client = (sql, params, method) => {
    tell(sql, params);
    return client(sql, params, method);
  };
  return {
    ...db,
    query: (sql, params) => {
      if (!sql.startsWith("EXPLAIN")) tell(sql, params);
      return db.query(sql, params);
    },
  };
}
