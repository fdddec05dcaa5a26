/** What is measured side by side; ratios are to the first. */
export const systems = ['wharf', 'hyperdht', 'bittorrent-dht'] as const;
export type SystemName = (typeof systems)[number];
