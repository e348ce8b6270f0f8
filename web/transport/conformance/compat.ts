import {
  createFileRegistry,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  fromBinary,
  type Message,
} from "@bufbuild/protobuf";
import { type Any, anyUnpack, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** The parts of connectrpc.conformance.v1 that a client under test reads and writes, as its protos describe them. */
export interface CompatHeader {
  readonly name: string;
  readonly value: string[];
}

export interface ClientCompatRequest extends Message {
  readonly testName: string;
  readonly compression: number;
  readonly host: string;
  readonly port: number;
  readonly messageReceiveLimit: number;
  readonly service?: string;
  readonly method?: string;
  readonly streamType: number;
  readonly requestHeaders: readonly CompatHeader[];
  readonly requestMessages: readonly Any[];
  readonly timeoutMs?: number;
  readonly requestDelayMs: number;
  readonly cancel?: {
    readonly cancelTiming:
      | { readonly case: "beforeCloseSend"; readonly value: unknown }
      | { readonly case: "afterCloseSendMs" | "afterNumResponses"; readonly value: number }
      | { readonly case: undefined; readonly value?: undefined };
  };
}

export interface CompatError {
  readonly code: number;
  readonly message: string;
  readonly details: readonly { readonly typeUrl: string; readonly value: Uint8Array }[];
}

export interface ClientResponseResult {
  responseHeaders: CompatHeader[];
  /** One for each response; empty for a response without. */
  payloads: object[];
  responseTrailers: CompatHeader[];
  error?: CompatError;
}

/** connectrpc.conformance.v1.Compression */
export const compressionGzip = 2;

/** connectrpc.conformance.v1.StreamType */
export const fullDuplex = 5;

const defaultService = "connectrpc.conformance.v1.ConformanceService";

/** The suite's messages, from descriptors that are built of its protos when the test runs. */
export class CompatProtos {
  private readonly registry: FileRegistry;

  /** Takes an encoded google.protobuf.FileDescriptorSet. */
  constructor(descriptors: Uint8Array) {
    this.registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
  }

  get request(): DescMessage {
    return this.message("ClientCompatRequest");
  }

  get response(): DescMessage {
    return this.message("ClientCompatResponse");
  }

  /** Returns the method that a request names. */
  method({ service = defaultService, method }: ClientCompatRequest): DescMethod {
    const found = this.registry.getService(service)?.methods.find(({ name }) => name === method);
    if (!found) {
      throw new Error(`no method ${service}/${method}`);
    }
    return found;
  }

  /** Returns a message that the request packs. */
  unpack(any: Any): Message {
    const message = anyUnpack(any, this.registry);
    if (!message) {
      throw new Error(`no message ${any.typeUrl}`);
    }
    return message;
  }

  private message(name: string): DescMessage {
    const message = this.registry.getMessage(`connectrpc.conformance.v1.${name}`);
    if (!message) {
      throw new Error(`no message ${name}`);
    }
    return message;
  }
}
