/**
 * Which of many words occur in a text, in one pass whatever their number (Aho and Corasick 1975). Words are ASCII, and case
 * does not matter.
 */

/** Words that stand for one bit each list. */
export interface Names {
  /** The bits of all lists a word of which occurs in the text. */
  find(text: string): number
}

/** Every character that occurs in no word is the same to all words. */
const OTHER = 0
/** Headers are read as Latin-1. One look beyond the end of a table makes V8 slow down all later ones: a single `é` would, for good. */
const LATIN = 256

export function names(lists: readonly (readonly [words: readonly string[], bit: number])[]): Names {
  const classes = new Uint8Array(LATIN)
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
  return {
    find: (text) => {
      let step = 0
      let found = 0
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i)
        step = steps[(step & PLACE) + (code < LATIN ? (classes[code] ?? OTHER) : OTHER)] ?? 0
        found |= step
      }
      return found >>> BITS_AT
    },
  }
}

/** Room for a place among the steps; the rest of 31 bits is for lists. */
const BITS_AT = 24
const PLACE = 2 ** BITS_AT - 1
