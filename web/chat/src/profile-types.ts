/** What somebody says of themselves. Anybody may say anything: it proves nothing. Show it as text, never as HTML. */
export interface Profile {
  readonly userId: string;
  /** The name that they chose to be shown under; empty: the one that their token has. */
  readonly displayName: string;
  /** At most 280 characters, of several lines. May be empty. */
  readonly about: string;
  /** An emoji in place of a picture. May be empty. */
  readonly emoji: string;
  /** When it was changed last; undefined for somebody who says nothing. */
  readonly updateTime: Date | undefined;
}

/** What to change of one's own: what is left out stays as it is, and an empty text says nothing any more. */
export interface ProfileChanges {
  readonly displayName?: string | undefined;
  readonly about?: string | undefined;
  readonly emoji?: string | undefined;
}
