import type { Address, Transport } from '../overlay/index.ts';

/** A transport whose broken links are told to one more listener, who hears of them first. */
export function heard(transport: Transport, linkDown: (peer: Address, reason: string) => void): Transport {
  return {
    address: transport.address,
    send: (to, frame) => transport.send(to, frame),
    queuedBytes: (to) => transport.queuedBytes(to),
    onFrame: (receive) => transport.onFrame(receive),
    onLinkDown: (receive) =>
      transport.onLinkDown((peer, reason) => {
        linkDown(peer, reason);
        receive(peer, reason);
      }),
    reject: (peer, reason) => transport.reject(peer, reason),
    close: () => transport.close(),
  };
}
