import { create } from "@bufbuild/protobuf";
import { type Metadatum, type Settings, SettingsSchema } from "@rialto/gen/rialto/bridge/v1/bridge_pb";
import { gzipAvailable, gzipEncoding } from "./gzip.js";

/** What counts for a side until its SETTINGS came, and what they can only raise (docs/protocol.md). */
export const startValues = {
  streamWindowBytes: 65_536,
  connectionWindowBytes: 1_048_576,
  maxChunkBytes: 16_384,
  maxConcurrentStreams: 100,
  maxMetadataBytes: 8_192,
} as const;

/** What this side takes of metadata: half of what a frame can hold. */
const maxMetadataBytes = 32_768;

/** The longest chunk that any settings may allow. */
const maxChunkBytes = 65_536;

/** What this side takes. */
export interface LocalSettings {
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly maxMessageBytes: number;
  readonly pingIntervalMs: number;
  readonly metadata: readonly Metadatum[];
}

/** Returns the settings to send. */
export function settingsFrom(local: LocalSettings): Settings {
  return create(SettingsSchema, {
    streamWindowBytes: local.streamWindowBytes,
    connectionWindowBytes: local.connectionWindowBytes,
    maxMessageBytes: Math.min(local.maxMessageBytes, 0xffff_ffff),
    maxMetadataBytes,
    pingIntervalMs: local.pingIntervalMs,
    encodings: gzipAvailable ? [gzipEncoding] : [],
    metadata: [...local.metadata],
  });
}

/** What the server takes. */
export interface PeerSettings {
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly maxChunkBytes: number;
  readonly maxConcurrentStreams: number;
  readonly maxMetadataBytes: number;
  readonly encodings: readonly string[];
}

/** What counts before the server's SETTINGS came. */
export const peerAtStart: PeerSettings = { ...startValues, encodings: [] };

/** Reads the server's settings: a value below the start value counts as the start value. */
export function peerFrom(settings: Settings): PeerSettings {
  return {
    streamWindowBytes: Math.max(startValues.streamWindowBytes, settings.streamWindowBytes),
    connectionWindowBytes: Math.max(startValues.connectionWindowBytes, settings.connectionWindowBytes),
    maxChunkBytes: Math.min(maxChunkBytes, Math.max(startValues.maxChunkBytes, settings.maxChunkBytes)),
    maxConcurrentStreams: Math.max(startValues.maxConcurrentStreams, settings.maxConcurrentStreams),
    maxMetadataBytes: Math.max(startValues.maxMetadataBytes, settings.maxMetadataBytes),
    encodings: settings.encodings,
  };
}
