import { Store } from '../store.js';
import type { TreeNode } from '../wire.js';

/** What is to be confirmed: which sessions, exactly, and what is to be done to them. */
export interface Clearing {
  readonly action: 'cancel' | 'terminate';
  readonly targets: readonly TreeNode[];
  readonly title: string;
}

export const clearing = new Store<Clearing | null>(null);

/** Opens the dialog. No session is signalled before it is answered. */
export function askToClear(action: Clearing['action'], targets: readonly TreeNode[], title?: string): void {
  const [first] = targets;
  const words = action === 'cancel' ? 'Cancel the statement of' : 'Terminate';
  clearing.set({ action, targets, title: title ?? `${words} session ${first?.activityId ?? ''}` });
}
