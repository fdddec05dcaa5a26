import fc from 'fast-check';

/** Runs of each property: what CI takes the time for, or `FUZZ_RUNS` in the environment; `FUZZ_SEED` repeats a failure. */
export function fuzzing(runs: number): fc.Parameters<unknown> {
  const { FUZZ_RUNS, FUZZ_SEED } = process.env;
  return { numRuns: Number(FUZZ_RUNS ?? runs), ...(FUZZ_SEED === undefined ? {} : { seed: Number(FUZZ_SEED) }) };
}

/** Numbers that lie about a length, a count or a version, in the widths and byte orders that frames have. */
const lies: readonly Uint8Array[] = [
  0n,
  1n,
  0x7fn,
  0xffn,
  0xff_ffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  2n ** 63n,
  2n ** 64n - 1n,
]
  .flatMap((number) =>
    [1, 2, 4, 8].flatMap((width) => {
      const digits = BigInt.asUintN(8 * width, number)
        .toString(16)
        .padStart(2 * width, '0');
      const bytes = Buffer.from(digits, 'hex');
      return [Uint8Array.from(bytes), Uint8Array.from(bytes.toReversed())];
    }),
  )
  // Lists, maps, bytes and texts of CBOR: as long as can be written, and as JavaScript might still make.
  .concat([0x9a, 0xba, 0x5a, 0x7a].flatMap((head) => [255, 1].map((most) => Uint8Array.of(head, most, 255, 255, 255))));

/** Frames that a broken or hostile peer may send: noise, and good ones cut, flipped, overwritten with lies, prolonged. */
export function damaged(good: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const noise = fc.uint8Array({ maxLength: 200 });
  const place = fc.nat(2 ** 20);
  return fc.oneof(
    noise,
    fc.tuple(good, place).map(([bytes, at]) => bytes.slice(0, at % (bytes.length + 1))),
    fc.tuple(good, fc.array(place, { minLength: 1, maxLength: 4 })).map(([bytes, bits]) => flipped(bytes, bits)),
    fc.tuple(good, place, fc.constantFrom(...lies)).map(([bytes, at, lie]) => overwritten(bytes, at, lie)),
    // Heads come first: there a lie is most often believed.
    fc.tuple(good, fc.nat(4), fc.constantFrom(...lies)).map(([bytes, at, lie]) => spliced(bytes, at, lie)),
    fc.tuple(good, place, noise).map(([bytes, at, more]) => spliced(bytes, at % (bytes.length + 1), more)),
  );
}

function flipped(bytes: Uint8Array, bits: readonly number[]): Uint8Array {
  const copy = Uint8Array.from(bytes);
  if (copy.length === 0) return copy;
  for (const bit of bits) {
    const at = (bit >>> 3) % copy.length;
    copy[at] = (copy[at] as number) ^ (1 << (bit & 7));
  }
  return copy;
}

function spliced(bytes: Uint8Array, at: number, more: Uint8Array): Uint8Array {
  return Uint8Array.of(...bytes.subarray(0, at), ...more, ...bytes.subarray(at));
}

function overwritten(bytes: Uint8Array, at: number, lie: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const room = Math.max(0, copy.length - lie.length);
  copy.set(lie.subarray(0, copy.length), at % (room + 1));
  return copy;
}

type Constructor = new (...args: never[]) => object;

const typedArrays = [
  'Array',
  'ArrayBuffer',
  'Uint8Array',
  'Uint16Array',
  'Uint32Array',
  'Int8Array',
  'Int16Array',
  'Int32Array',
  'BigInt64Array',
  'BigUint64Array',
  'Float32Array',
  'Float64Array',
] as const;
const bufferMakers = ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const;

/**
 * The memory that `run` asks for by a number, in bytes: arrays and buffers made of a length, which is where a lie about a
 * length costs memory. It stands in for the constructors while it runs, so `run` must not wait for anything.
 */
export function claimedBytes(run: () => void): number {
  let claimed = 0;
  const restore: (() => void)[] = [];
  const replace = <T extends object>(holder: T, name: keyof T, value: T[keyof T]): void => {
    const original = holder[name];
    holder[name] = value;
    restore.push(() => {
      holder[name] = original;
    });
  };
  const globals = globalThis as unknown as Record<(typeof typedArrays)[number], Constructor>;
  for (const name of typedArrays) {
    const original = globals[name];
    const bytesEach = 'BYTES_PER_ELEMENT' in original ? Number(original.BYTES_PER_ELEMENT) : name === 'Array' ? 8 : 1;
    const count = ([length, ...rest]: readonly unknown[]): void => {
      if (typeof length === 'number' && rest.length === 0) claimed += length * bytesEach;
    };
    const counting: Constructor = new Proxy(original, {
      construct(target, args, newTarget) {
        count(args);
        return Reflect.construct(target, args, newTarget === counting ? target : newTarget) as object;
      },
    });
    replace(globals, name, counting);
  }
  for (const name of bufferMakers) {
    const original = Buffer[name];
    replace(Buffer, name, ((bytes: number) => {
      claimed += bytes;
      return original(bytes);
    }) as (typeof Buffer)[typeof name]);
  }
  try {
    run();
  } finally {
    for (const undo of restore) undo();
  }
  return claimed;
}
