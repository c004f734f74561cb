/** What becomes of a manifest that steering is to be written into. */

/** Why a manifest is not rewritten. Closed: a metric's label. */
export const REWRITE_REASONS = {
  not_a_manifest: 'neither a multivariant playlist nor an MPD',
  media_playlist: 'a media playlist, which has no variants to choose among',
  already_steered: 'the packager has written steering or pathways into it',
  malformed: 'not well formed where it matters',
  unknown_tag: 'something with an address in it that is not known',
  reference: 'an address that begins with a variable or cannot be read',
  elsewhere: 'an address that is not on the target, so other targets do not have it',
} as const
export type RewriteReason = keyof typeof REWRITE_REASONS

export type Rewrite = { readonly text: string; readonly reason?: undefined } | { readonly text?: undefined; readonly reason: RewriteReason }
