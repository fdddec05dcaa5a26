import { describe, expect, test } from 'vitest';
import { CopyLedger } from './copy-ledger.ts';

/** A ledger over copies that the test places: `ab` are the nodes that have the value `v`. */
function ledgerOf(nodes: string) {
  const up = new Set(nodes);
  const ledger = new CopyLedger({ replicas: 3, repairPeriodMs: 10, has: (node) => up.has(node) });
  for (const node of nodes) ledger.arrived('v', node);
  const die = (node: string, nowMs: number): void => {
    ledger.died(node, up.delete(node) ? ['v'] : [], nowMs);
  };
  const arrive = (node: string): void => {
    up.add(node);
    ledger.arrived('v', node);
  };
  return { ledger, die, arrive, drop: (node: string) => up.delete(node) };
}

describe('the ledger of copies', () => {
  test('excuses a loss of all copies within one repair period', () => {
    const { ledger, die } = ledgerOf('abc');
    die('a', 0);
    die('b', 4);
    expect(ledger.losses.size).toBe(0);
    die('c', 10);
    expect(ledger.losses.get('v')).toEqual({ atMs: 10, isExcusable: true });
  });

  test('does not excuse what there was time to repair', () => {
    const { ledger, die } = ledgerOf('abc');
    die('a', 0);
    die('b', 9);
    die('c', 11);
    expect(ledger.losses.get('v')).toEqual({ atMs: 11, isExcusable: false });
  });

  test('counts deaths of those who had a copy, the last ones', () => {
    const { ledger, die, arrive } = ledgerOf('abc');
    die('a', 0);
    arrive('d');
    die('x', 1);
    die('b', 50);
    die('c', 52);
    expect(ledger.losses.size).toBe(0);
    die('d', 53);
    expect(ledger.losses.get('v')?.isExcusable).toBe(true);
  });

  test('does not excuse copies that were dropped', () => {
    const { ledger, die, drop } = ledgerOf('abc');
    drop('a');
    drop('b');
    die('c', 5);
    expect(ledger.losses.get('v')).toEqual({ atMs: 5, isExcusable: false });
  });

  test('takes back a loss when a copy that was on its way arrives', () => {
    const { ledger, die, arrive } = ledgerOf('a');
    die('a', 5);
    expect(ledger.losses.size).toBe(1);
    arrive('e');
    expect(ledger.losses.size).toBe(0);
  });
});
