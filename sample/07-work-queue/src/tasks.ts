import { Injectable } from '@nestjs/common';
import { PgLockService } from 'nestjs-pglock';

export interface Task {
  readonly id: number;
  readonly customer: string;
  readonly title: string;
}

/** The queue: a table. What is not done is to do. */
@Injectable()
export class Tasks {
  constructor(private readonly pglock: PgLockService) {}

  /** Makes the table, with some work in it, on whichever replica comes first. */
  async prepare(): Promise<void> {
    await this.pglock.advisory('tasks:prepare', async () => {
      const { rows } = await this.pglock.pool.query<{ exists: boolean }>(
        `SELECT to_regclass('tasks') IS NOT NULL AS exists`,
      );
      if (rows[0]?.exists) return;
      await this.pglock.pool.query(
        `CREATE TABLE tasks (id int GENERATED ALWAYS AS IDENTITY, customer text, title text, done_at timestamptz, done_by int);
         INSERT INTO tasks (customer, title)
         SELECT customer, title FROM unnest(ARRAY['order', 'pack', 'ship', 'bill']) WITH ORDINALITY AS titles (title, place),
           unnest(ARRAY['ann', 'bob', 'cid']) AS customers (customer) ORDER BY place, customer`,
      );
    });
  }

  /** Who has something to do, in the order in which it came. */
  async customers(): Promise<string[]> {
    const { rows } = await this.pglock.pool.query<Pick<Task, 'customer'>>(
      'SELECT customer FROM tasks WHERE done_at IS NULL GROUP BY customer ORDER BY min(id)',
    );
    return rows.map(({ customer }) => customer);
  }

  async next(customer: string): Promise<Task | undefined> {
    const { rows } = await this.pglock.pool.query<Task>(
      'SELECT id, customer, title FROM tasks WHERE customer = $1 AND done_at IS NULL ORDER BY id LIMIT 1',
      [customer],
    );
    return rows[0];
  }

  async finish({ id }: Task): Promise<void> {
    await this.pglock.pool.query('UPDATE tasks SET done_at = clock_timestamp(), done_by = $2 WHERE id = $1', [
      id,
      process.pid,
    ]);
  }
}
