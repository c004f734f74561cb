/**
 * Which of many words occur in a text, in one pass whatever their number (Aho and Corasick 1975). Words are ASCII, and case
 * does not matter.
 *
 * A step waits for the one before it, so a text is read in three places at a time, which takes hardly longer than in one.
 */

/** Words that stand for one bit each list. */
export interface Names {
  /** The bits of all lists a word of which occurs in these bytes. @param end behind the last */
  find(bytes: Uint8Array, start: number, end: number): number
}

/** Every character that occurs in no word is the same to all words. */
const OTHER = 0
/** Values of a byte. One look beyond the end of a table makes V8 slow down all later ones, for good. */
const BYTES = 256

export function names(lists: readonly (readonly [words: readonly string[], bit: number])[]): Names {
  const classes = new Uint8Array(BYTES)
  let width = 1
  for (const [words] of lists) {
    for (const character of words.join('').toLowerCase()) {
      const code = character.charCodeAt(0)
      if (classes[code] !== OTHER) continue
      classes[code] = width
      classes[character.toUpperCase().charCodeAt(0)] = width
      width++
    }
  }

  const size = 1 + lists.reduce((sum, [words]) => sum + words.join('').length, 0)
  const next = new Uint16Array(size * width)
  const bits = new Uint8Array(size)
  let states = 1
  for (const [words, bit] of lists) {
    for (const word of words) {
      let state = 0
      for (const character of word.toLowerCase()) {
        const edge = state * width + (classes[character.charCodeAt(0)] ?? OTHER)
        if (next[edge] === 0) next[edge] = states++
        state = next[edge] ?? 0
      }
      bits[state] = (bits[state] ?? 0) | bit
    }
  }

  // Where a word ends to fit, the longest end of what was read that begins another one goes on. Nearer states come first.
  const fall = new Uint16Array(states)
  const queue = [...next.subarray(0, width)].filter((state) => state > 0)
  for (const state of queue) {
    const back = fall[state] ?? 0
    bits[state] = (bits[state] ?? 0) | (bits[back] ?? 0)
    for (let of = 0; of < width; of++) {
      const edge = state * width + of
      const there = next[edge] ?? 0
      const otherwise = next[back * width + of] ?? 0
      if (there === 0) next[edge] = otherwise
      else {
        fall[there] = otherwise
        queue.push(there)
      }
    }
  }

  // A step is one look-up: where to go on, times the width, and above it the bits of what has been found there.
  const steps = new Int32Array(states * width)
  for (let edge = 0; edge < steps.length; edge++) {
    const state = next[edge] ?? 0
    steps[edge] = ((bits[state] ?? 0) << BITS_AT) | (state * width)
  }
  const after = (step: number, byte = 0) => steps[(step & PLACE) + (classes[byte] ?? OTHER)] ?? 0
  return {
    find: (bytes, start, end) => {
      const third = Math.floor((end - start) / 3)
      const second = start + third
      const last = second + third
      let [a, b, c, found] = [0, 0, 0, 0]
      for (let i = 0; i < third; i++) {
        a = after(a, bytes[start + i])
        b = after(b, bytes[second + i])
        c = after(c, bytes[last + i])
        found |= a | b | c
      }
      // Words that begin in one third and end in a later one.
      for (let i = second; i < end && (a & PLACE) !== 0; i++) found |= a = after(a, bytes[i])
      for (let i = last; i < end && (b & PLACE) !== 0; i++) found |= b = after(b, bytes[i])
      for (let i = last + third; i < end; i++) found |= c = after(c, bytes[i])
      return found >>> BITS_AT
    },
  }
}

/** Room for a place among the steps; the rest of 31 bits is for lists. */
const BITS_AT = 24
const PLACE = 2 ** BITS_AT - 1
