/** Who goes first where threads have to share a processor. */
import { constants, getPriority, setPriority } from 'node:os'

/**
 * Steps of niceness: a third of the weight of a thread that answers. With fewer, viewers wait while a configuration is built;
 * more gained them nothing in `npm run bench:race`, and on a busy machine the control plane needs some of it to be in time.
 */
const STEPS = 5

/**
 * Puts this thread behind those that answer players, which are there already: building takes a tenth of a second for every
 * hundred services. Only on Linux is a priority a thread's own (setpriority(2)). It cannot be taken back, so a thread that
 * replaces one that died is behind, too.
 */
export function giveWay(): void {
  if (process.platform !== 'linux') return
  try {
    setPriority(0, Math.min(constants.priority.PRIORITY_LOW, getPriority(0) + STEPS))
  } catch {
    // Where the system forbids it, everybody is equal.
  }
}
