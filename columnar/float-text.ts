// Floats as PostgreSQL writes them (src/common/d2s.c, f2s.c): the shortest digits nearer to this number than to
// any other, and an exponent where the plain form would have more digits than the type keeps. JavaScript
// also takes digits half-way to the next number if rounding to even reads them back; PostgreSQL does not.

/** Decimal exponents from here on are written as such. */
const exponentFrom = { float4: 6, float8: 15 } as const;
const exponentBelow = -4;

export function formatFloat8(value: number): string {
  return special(value) ?? layOut(shortestFloat8(value), exponentFrom.float8);
}

/** @param value a number that a float4 holds exactly */
export function formatFloat4(value: number): string {
  return special(value) ?? layOut(shortestFloat4(value), exponentFrom.float4);
}

function shortestFloat8(value: number): string {
  let text = value.toExponential();
  // Below, what lies half-way has more digits than the shortest form.
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return text;
  const exact = BigInt(value);
  let fractionDigits = /\.(\d*)/.exec(text)?.[1]?.length ?? 0;
  while (isHalfWay(text, exact) || Number(text) !== value) text = value.toExponential(++fractionDigits);
  return text;
}

/** Whether a text, of an integer, lies as near to the next number as to this one. */
function isHalfWay(text: string, exact: bigint): boolean {
  const [mantissa = '', exponent = ''] = text.split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const written = BigInt(whole + fraction) * 10n ** BigInt(Number(exponent) - fraction.length);
  const mirrored = 2n * written - exact;
  return written !== exact && BigInt(Number(mirrored)) === mirrored;
}

function special(value: number): string | null {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  return null;
}

/** Nine digits tell any two of them apart. */
function shortestFloat4(value: number): string {
  for (let fractionDigits = 0; fractionDigits < 8; fractionDigits++) {
    const text = value.toExponential(fractionDigits);
    const written = Number(text);
    const mirrored = 2 * written - value;
    const halfWay = written !== value && Math.fround(mirrored) === mirrored;
    if (Math.fround(written) === value && !halfWay) return tieToEven(text, value);
  }
  return value.toExponential(8);
}

/** More digits than decide any tie between shortest forms. */
const exactDigits = 60;

/** JavaScript rounds a number half-way between two texts up, PostgreSQL to the even digit. */
function tieToEven(text: string, value: number): string {
  const end = text.indexOf('e');
  const last = Number(text[end - 1]);
  const rest = value.toExponential(exactDigits).replace(/e.*$/, '').slice(end);
  if (last % 2 === 0 || !/^50*$/.test(rest)) return text;
  const even = `${text.slice(0, end - 1)}${last - 1}${text.slice(end)}`;
  return Math.fround(Number(even)) === value ? even : text;
}

/** Rewrites `-1.25e+7`. */
function layOut(scientific: string, exponentLimit: number): string {
  const sign = scientific.startsWith('-') ? '-' : '';
  const [mantissa = '', exponentText = ''] = scientific.slice(sign.length).split('e');
  const exponent = Number(exponentText);
  const digits = mantissa.replace('.', '').replace(/(?<=.)0+$/, '');
  if (exponent < exponentBelow || exponent >= exponentLimit) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
    const power = Math.abs(exponent).toString().padStart(2, '0');
    return `${sign}${digits.slice(0, 1)}${fraction}e${exponent < 0 ? '-' : '+'}${power}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const fraction = digits.slice(exponent + 1);
  return `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}
