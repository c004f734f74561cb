/** What a snapshot that builds may still not do: lose half of a fleet in one step. */
import type { Snapshot } from '../routing/model.ts'

/**
 * Half of a fleet does not leave at once, but a broken generator drops that much easily. Lower refuses honest clean-ups;
 * higher believes a torn export.
 */
export const MAX_SHRINK = 0.5

/** @param maxShrink share of services or targets that one step may lose, 0 to 1 */
export function shrinks(next: Snapshot, now: Snapshot | undefined, maxShrink = MAX_SHRINK): boolean {
  if (next.services.length === 0 || next.targets.length === 0) return true
  if (now === undefined) return false
  const keep = 1 - maxShrink
  return next.services.length < now.services.length * keep || next.targets.length < now.targets.length * keep
}
