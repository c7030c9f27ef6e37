/** What every ActorHost must do. `settle` lets it run until nothing waits. */
import assert from 'node:assert';
import test from 'node:test';
import type { ActorHost, HostReport } from '../../actors/host.ts';

export interface HostUnderTest {
  readonly host: ActorHost;
  settle(): Promise<void>;
}

class Reported implements HostReport {
  readonly crashes: string[] = [];
  readonly refusals: string[] = [];
  lost = 0;

  crashed(name: string, error: unknown): void {
    this.crashes.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }

  refused(name: string): void {
    this.refusals.push(name);
  }

  deadLetters(_name: string, count: number): void {
    this.lost += count;
  }
}

export function hostContract(title: string, make: (report: HostReport) => HostUnderTest): void {
  const scenario = (name: string, run: (under: HostUnderTest, report: Reported) => Promise<void>): void => {
    test(`${title}: ${name}`, async () => {
      const report = new Reported();
      const under = make(report);
      try {
        await run(under, report);
      } finally {
        under.host.stop();
      }
    });
  };
  const roomy = { mailboxMax: 1_000 };

  scenario('what is told in one loop turn is one batch, in order', async ({ host, settle }) => {
    const batches: (readonly number[])[] = [];
    const actor = host.spawn<number>('partition-1', (batch) => batches.push(batch), roomy);
    for (const item of [1, 2, 3]) assert.equal(actor.tell(item), true);
    assert.equal(actor.depth, 3);
    assert.deepStrictEqual(batches, [], 'a handler never runs inside tell');
    await settle();
    for (const item of [4, 5]) actor.tell(item);
    await settle();
    assert.deepStrictEqual(batches, [
      [1, 2, 3],
      [4, 5],
    ]);
    assert.equal(actor.depth, 0);
  });

  scenario(
    'what a handler tells itself is the next batch, and others get their turn between',
    async ({ host, settle }) => {
      const log: string[] = [];
      const first = host.spawn<number>(
        'first',
        (batch) => {
          log.push(`first ${batch.join()}`);
          if (batch[0]! < 3) first.tell(batch[0]! + 1);
        },
        roomy,
      );
      const second = host.spawn<number>(
        'second',
        (batch) => {
          log.push(`second ${batch.join()}`);
          if (batch[0]! < 3) second.tell(batch[0]! + 1);
        },
        roomy,
      );
      first.tell(1);
      second.tell(1);
      await settle();
      assert.deepStrictEqual(log, ['first 1', 'second 1', 'first 2', 'second 2', 'first 3', 'second 3']);
    },
  );

  scenario('a full mailbox refuses and says so', async ({ host, settle }, report) => {
    const got: number[] = [];
    const actor = host.spawn<number>('small', (batch) => got.push(...batch), { mailboxMax: 2 });
    assert.deepStrictEqual(
      [1, 2, 3].map((item) => actor.tell(item)),
      [true, true, false],
    );
    await settle();
    assert.equal(actor.tell(4), true, 'room again');
    await settle();
    assert.deepStrictEqual(got, [1, 2, 4]);
    assert.deepStrictEqual(report.refusals, ['small']);
  });

  scenario(
    'a handler that throws is restarted, and goes on with what was told meanwhile',
    async ({ host, settle }, report) => {
      const got: number[] = [];
      const actor = host.spawn<number>(
        'fragile',
        (batch) => {
          if (batch[0] === 0) {
            actor.tell(7);
            throw new Error('broken');
          }
          got.push(...batch);
        },
        roomy,
      );
      actor.tell(0);
      actor.tell(1);
      await settle();
      actor.tell(8);
      await settle();
      assert.deepStrictEqual(got, [7, 8]);
      assert.deepStrictEqual(report.crashes, ['fragile: broken']);
      assert.equal(report.lost, 2);
    },
  );

  scenario('one that throws takes nothing from the others of its turn', async ({ host, settle }, report) => {
    const got: number[] = [];
    const fragile = host.spawn<number>(
      'fragile',
      () => {
        throw new Error('broken');
      },
      roomy,
    );
    const steady = host.spawn<number>('steady', (batch) => got.push(...batch), roomy);
    for (const item of [1, 2]) {
      fragile.tell(item);
      steady.tell(item);
      await settle();
    }
    assert.deepStrictEqual(got, [1, 2]);
    assert.deepStrictEqual(report.crashes, ['fragile: broken', 'fragile: broken']);
  });

  scenario('it survives a thousand crashes', async ({ host, settle }, report) => {
    const actor = host.spawn<number>(
      'hopeless',
      () => {
        throw new Error('again');
      },
      roomy,
    );
    for (let count = 0; count < 1_000; count++) {
      assert.equal(actor.tell(count), true);
      await settle();
    }
    assert.equal(report.crashes.length, 1_000);
  });

  scenario('a stopped actor takes nothing, and what waited is reported as lost', async ({ host, settle }, report) => {
    const got: number[] = [];
    const actor = host.spawn<number>('gone', (batch) => got.push(...batch), roomy);
    actor.tell(1);
    actor.tell(2);
    actor.stop();
    actor.stop();
    assert.equal(actor.tell(3), false);
    await settle();
    assert.deepStrictEqual(got, []);
    assert.equal(report.lost, 3);
  });

  scenario('an actor may stop itself; its name is free then', async ({ host, settle }) => {
    const actor = host.spawn<number>('again', () => actor.stop(), roomy);
    assert.throws(() => host.spawn('again', () => {}, roomy), /again/);
    actor.tell(1);
    await settle();
    assert.equal(actor.tell(2), false);
    const got: number[] = [];
    host.spawn<number>('again', (batch) => got.push(...batch), roomy).tell(5);
    await settle();
    assert.deepStrictEqual(got, [5]);
  });

  scenario('names that nact cannot take are refused by all', async ({ host }) => {
    for (const name of ['', 'call@host', 'a:b', 'a b']) assert.throws(() => host.spawn(name, () => {}, roomy));
  });

  scenario('a stopped host stops its actors', async ({ host, settle }, report) => {
    const actor = host.spawn<number>('one', () => {}, roomy);
    actor.tell(1);
    host.stop();
    await settle();
    assert.equal(actor.tell(2), false);
    assert.equal(report.lost, 2);
    assert.throws(() => host.spawn('two', () => {}, roomy));
  });
}
