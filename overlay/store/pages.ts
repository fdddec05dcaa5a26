import { OverlayError } from '../overlay.ts';
import { nameFlaw } from './messages.ts';
import type { StoredItem } from './stored-item.ts';

export interface PageOptions {
  /** At least 1. */
  readonly itemsMax: number;
  /** Where the page before ended: its `next`. */
  readonly after?: string | null;
}

export interface Page {
  readonly items: readonly StoredItem[];
  /** Asks for what follows; null after the last item. Means something for this resource only. */
  readonly next: string | null;
}

/** The `next` of a page that ends with this instance. */
export function tokenAfter(instanceId: string): string {
  return Buffer.from(instanceId).toString('base64url');
}

/** Inverse of `tokenAfter`. @throws OverlayError `refused` */
export function instanceOf(token: string): string {
  const instanceId = Buffer.from(String(token), 'base64url').toString();
  if (tokenAfter(instanceId) !== token || nameFlaw({ namespace: '', resourceId: '', instanceId }) !== null) {
    throw new OverlayError('refused', `"${token}" is not where a page ended`);
  }
  return instanceId;
}
