import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GeometryName } from '../geometry/contact-table.ts';
import { protocolVersion } from '../messages.ts';
import { Handshake, type Identity, type Step } from './handshake.ts';

const identity: Identity = {
  cluster: 'fleet',
  replicas: 3,
  geometry: 'bamboo',
  address: 'd:1',
  instance: 'd'.repeat(32),
};
const other: Identity = { cluster: 'fleet', replicas: 3, geometry: 'bamboo', address: 'a:1', instance: 'a'.repeat(32) };

interface Side {
  readonly secret: string | null;
  readonly cluster?: string;
  readonly replicas?: number;
  readonly geometry?: GeometryName;
}

function pair({ secret, ...dialler }: Side, { secret: theirs, ...acceptor }: Side) {
  return {
    dialler: new Handshake({ role: 'dialler', dialled: 'a:1' }, { ...identity, ...dialler }, secret),
    acceptor: new Handshake({ role: 'acceptor' }, { ...other, ...acceptor }, theirs),
  };
}

/** Carries messages to and fro; returns how each side ended. */
function run({ dialler, acceptor }: ReturnType<typeof pair>) {
  let message = dialler.hello();
  let ends: { dialler?: Step; acceptor?: Step } = {};
  for (const side of ['acceptor', 'dialler', 'acceptor', 'dialler'] as const) {
    const handshake = side === 'dialler' ? dialler : acceptor;
    const step = handshake.receive(message);
    if (step.kind !== 'send') ends = { ...ends, [side]: step };
    if (step.kind === 'proved' && side === 'acceptor') message = acceptor.accept();
    else if ('message' in step) message = step.message;
    else break;
  }
  return ends;
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const parse = (message: Uint8Array) => JSON.parse(Buffer.from(message).toString());

describe('both sides learn the same', () => {
  test('with the same secret, or none on either side, both are admitted', () => {
    for (const secret of ['s3cret', null]) {
      const ends = run(pair({ secret }, { secret }));
      expect(ends.dialler).toMatchObject({ kind: 'proved', peer: { address: 'a:1', instance: other.instance } });
      expect(ends.acceptor).toMatchObject({ kind: 'proved', peer: { address: 'd:1', instance: identity.instance } });
    }
  });

  const refusals = [
    ['another secret', { secret: 'x' }, { secret: 'y' }, 'wrong cluster secret'],
    ['a secret at the acceptor only', { secret: null }, { secret: 'y' }, 'cluster secret set at a:1 but not at d:1'],
    ['a secret at the dialler only', { secret: 'x' }, { secret: null }, 'cluster secret set at d:1 but not at a:1'],
    ['another cluster', { secret: 'x', cluster: 'b' }, { secret: 'x' }, "wrong cluster: 'b' is not 'fleet'"],
    [
      'another number of copies',
      { secret: 'x', replicas: 2 },
      { secret: 'x' },
      'wrong number of replicas: d:1 keeps 2 copies, a:1 keeps 3',
    ],
    [
      'another geometry',
      { secret: 'x', geometry: 'chord' },
      { secret: 'x' },
      'wrong geometry: d:1 is of chord, a:1 of bamboo',
    ],
  ] as const;
  test.each(refusals)('%s is refused', (_name, dialler, acceptor, reason) => {
    const ends = run(pair(dialler, acceptor));
    expect(ends.acceptor).toMatchObject({ kind: 'refuse', reason });
    expect(ends.dialler).toEqual({ kind: 'refused', reason });
  });

  test('another version is refused, whatever else it says', () => {
    const { acceptor } = pair({ secret: null }, { secret: null });
    expect(acceptor.receive(json({ type: 'hello', version: 9, novelty: true }))).toMatchObject({
      kind: 'refuse',
      reason: `wrong protocol version: 9 is not ${protocolVersion}`,
    });
  });

  test('a node that dials itself, or another node with its address, is refused', () => {
    const acceptor = () => new Handshake({ role: 'acceptor' }, identity, null);
    const dialler = (instance: string) =>
      new Handshake({ role: 'dialler', dialled: 'x:1' }, { ...identity, instance }, null);
    expect(acceptor().receive(dialler(identity.instance).hello())).toMatchObject({ reason: 'own address' });
    expect(acceptor().receive(dialler('e'.repeat(32)).hello())).toMatchObject({
      reason: 'address d:1 used by two nodes',
    });
  });

  test('a peer that goes by another name than the one dialled is not shown any proof', () => {
    const { acceptor } = pair({ secret: 's' }, { secret: 's' });
    const dialler = new Handshake({ role: 'dialler', dialled: 'alias:1' }, identity, 's');
    const hello = acceptor.receive(dialler.hello());
    expect('message' in hello && dialler.receive(hello.message)).toEqual({ kind: 'renamed', address: 'a:1' });
  });
});

describe('an attacker without the secret', () => {
  test('is not admitted by an acceptor who shows it no proof first', () => {
    const { dialler, acceptor } = pair({ secret: 'guess' }, { secret: 's3cret' });
    const answer = acceptor.receive(dialler.hello());
    expect(answer.kind === 'send' && parse(answer.message)).not.toHaveProperty('mac');
    expect(acceptor.receive(json({ type: 'proof', mac: null }))).toMatchObject({ reason: 'wrong cluster secret' });
  });

  test('cannot reflect the proof of a dialler back at it', () => {
    const { dialler, acceptor } = pair({ secret: 's3cret' }, { secret: 's3cret' });
    const hello = acceptor.receive(dialler.hello());
    const proof = hello.kind === 'send' ? dialler.receive(hello.message) : hello;
    expect(proof.kind).toBe('send');
    const reflected = proof.kind === 'send' ? dialler.receive(proof.message) : proof;
    expect(reflected).toMatchObject({ kind: 'refuse', reason: 'wrong cluster secret' });
  });

  test('cannot replay the proof of an earlier connection', () => {
    const proofOf = ({ dialler, acceptor }: ReturnType<typeof pair>) => {
      const hello = acceptor.receive(dialler.hello());
      const proof = hello.kind === 'send' ? dialler.receive(hello.message) : hello;
      return proof.kind === 'send' ? proof.message : new Uint8Array(0);
    };
    const old = proofOf(pair({ secret: 's' }, { secret: 's' }));
    const { dialler, acceptor } = pair({ secret: 's' }, { secret: 's' });
    acceptor.receive(dialler.hello());
    expect(acceptor.receive(old)).toMatchObject({ kind: 'refuse', reason: 'wrong cluster secret' });
  });
});

test('no bytes but the right ones get past a handshake, and none make it throw', () => {
  const field = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
  const type = fc.constantFrom('hello', 'proof', 'yield', 'junk');
  const message = fc.oneof(
    fc.uint8Array({ maxLength: 3_000 }),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .record(
        { type, version: fc.constantFrom(1, protocolVersion), cluster: field, mac: field },
        { requiredKeys: ['type'] },
      )
      .map(json),
  );
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), fc.boolean(), (messages, isDialler) => {
      const { dialler, acceptor } = pair({ secret: 's' }, { secret: 's' });
      for (const bytes of messages) {
        expect(['refuse', 'refused']).toContain((isDialler ? dialler : acceptor).receive(bytes).kind);
      }
    }),
  );
});
