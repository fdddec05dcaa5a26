import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { mockVerifier, parseScramVerifier, ScramError, ScramServer, scramVerifier } from './scram.ts';

// The example of RFC 7677, section 3: user "user", password "pencil".
const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
const serverNonce = '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
const clientFirst = 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO';
const serverFirst = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096';
const clientFinal =
  'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=';
const serverFinal = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';

describe('the exchange', () => {
  test('is that of RFC 7677', () => {
    const server = new ScramServer(scramVerifier('pencil', salt), serverNonce);
    expect(server.first(clientFirst)).toBe(serverFirst);
    expect(server.final(clientFinal)).toBe(serverFinal);
  });

  test('refuses another password', () => {
    const server = new ScramServer(scramVerifier('pencils', salt), serverNonce);
    server.first(clientFirst);
    expect(server.final(clientFinal)).toBeNull();
  });

  test('refuses whatever is proved for a user that does not exist', () => {
    const server = new ScramServer(mockVerifier('nobody', Buffer.from('key')), serverNonce);
    server.first(clientFirst);
    expect(server.final(clientFinal)).toBeNull();
  });

  test.each([
    ['a client-first without a nonce', 'n,,n=user', clientFinal],
    ['channel binding', 'p=tls-server-end-point,,n=user,r=abc', clientFinal],
    ['another nonce in client-final', clientFirst, clientFinal.replace('rOpr', 'xOpr')],
    ['another channel binding in client-final', clientFirst, clientFinal.replace('biws', 'eSws')],
    ['a short proof', clientFirst, 'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=AAAA'],
  ])('rejects %s', (_, first, final) => {
    const server = new ScramServer(scramVerifier('pencil', salt), serverNonce);
    expect(() => {
      server.first(first);
      server.final(final);
    }).toThrow(ScramError);
  });
});

describe('a verifier', () => {
  test('is read as PostgreSQL stores it', () => {
    const salted = pbkdf2Sync('pencil', salt, 4096, 32, 'sha256');
    const storedKey = createHash('sha256').update(createHmac('sha256', salted).update('Client Key').digest()).digest();
    const serverKey = createHmac('sha256', salted).update('Server Key').digest();
    const text = `SCRAM-SHA-256$4096:${salt.toString('base64')}$${storedKey.toString('base64')}:${serverKey.toString('base64')}`;
    expect(parseScramVerifier(text)).toEqual(scramVerifier('pencil', salt));
    expect(parseScramVerifier('pencil')).toBeNull();
    expect(parseScramVerifier('SCRAM-SHA-256$4096:abc')).toBeNull();
  });

  test('is the same for spellings that SASLprep makes equal', () => {
    expect(scramVerifier('I\u00adX', salt)).toEqual(scramVerifier('IX', salt));
    expect(scramVerifier('\u2168', salt)).toEqual(scramVerifier('IX', salt));
    expect(scramVerifier('a\u00a0b', salt)).toEqual(scramVerifier('a b', salt));
  });
});
