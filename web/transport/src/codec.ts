import {
  type BinaryReadOptions,
  type BinaryWriteOptions,
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

const defaultWriteMaxBytes = 0xffff_ffff;

export interface CodecOptions {
  readonly writeMaxBytes?: number;
  readonly binaryOptions?: Partial<BinaryReadOptions & BinaryWriteOptions>;
}

/** Encodes and decodes the messages of one method. */
export class MethodCodec<I extends DescMessage, O extends DescMessage> {
  private readonly method: DescMethodUnary<I, O> | DescMethodStreaming<I, O>;
  private readonly options: CodecOptions;

  constructor(method: DescMethodUnary<I, O> | DescMethodStreaming<I, O>, options: CodecOptions) {
    this.method = method;
    this.options = options;
  }

  /** Throws RESOURCE_EXHAUSTED for a message over the limit, INTERNAL for one that cannot be encoded. */
  encode(message: MessageShape<I>): Uint8Array {
    const maxBytes = this.options.writeMaxBytes ?? defaultWriteMaxBytes;
    const bytes = coded(() => toBinary(this.method.input, message, this.options.binaryOptions));
    if (bytes.length > maxBytes) {
      throw new ConnectError(`message of ${bytes.length} bytes is larger than ${maxBytes}`, Code.ResourceExhausted);
    }
    return bytes;
  }

  /** Throws INTERNAL for what is no such message. */
  decode(bytes: Uint8Array): MessageShape<O> {
    return coded(() => fromBinary(this.method.output, bytes, this.options.binaryOptions));
  }
}

function coded<T>(code: () => T): T {
  try {
    return code();
  } catch (reason) {
    throw ConnectError.from(reason, Code.Internal);
  }
}
