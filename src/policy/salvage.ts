/**
 * What can still be read where something is wrong, so that a file's other mistakes are told in the same run. Nothing of
 * this ever becomes part of a snapshot.
 */
import type { z } from 'zod'
import { serviceSchema, stepSchema } from './schema.ts'
import type { ServiceInput, StepInput } from './schema.ts'

/** The keys of a map whose values are right, each for itself. */
export function soundKeys<Shape extends z.ZodRawShape>(schema: z.ZodObject<Shape>, value: unknown): Partial<z.infer<z.ZodObject<Shape>>> {
  const entries = Object.entries(schema.shape).flatMap(([key, part]) => {
    const { data } = (part as z.ZodType).safeParse(valueAt(value, key))
    return data === undefined ? [] : [[key, data] as const]
  })
  return Object.fromEntries(entries) as Partial<z.infer<z.ZodObject<Shape>>>
}

/** The entries of a list under a key, each with what it is where it is right. */
export function soundEntries<T>(schema: z.ZodType<T>, value: unknown, key: string): { readonly entry: unknown; readonly sound: T | undefined }[] {
  return entriesOf(value, key).map((entry) => ({ entry, sound: schema.safeParse(entry).data }))
}

/**
 * A service with mistakes in it, as far as it can be read; `undefined` where not even its name can.
 * Steps keep their positions, and one whose targets cannot be read has none.
 */
export function salvageService(value: unknown): ServiceInput | undefined {
  const sound = soundKeys(serviceSchema, value)
  if (sound.service === undefined) return undefined
  const steps = entriesOf(value, 'steps').map((step, i): StepInput => {
    const { name = `step ${i + 1}`, targets = [], select, when, ...rest } = soundKeys(stepSchema, step)
    // What the other keys mean depends on the selector.
    return { name, targets, ...(when === undefined ? {} : { when }), ...(select === undefined ? { select: 'rendezvous' } : { select, ...rest }) }
  })
  return { ...sound, service: sound.service, steps }
}

function entriesOf(value: unknown, key: string): readonly unknown[] {
  const entries = valueAt(value, key)
  return Array.isArray(entries) ? entries : []
}

export function valueAt(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined
}
