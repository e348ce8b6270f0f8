import { create, createFileRegistry } from "@bufbuild/protobuf";
import type { GenService } from "@bufbuild/protobuf/codegenv2";
import {
  type BytesValueSchema,
  FileDescriptorProtoSchema,
  file_google_protobuf_wrappers,
  type MethodDescriptorProto,
  MethodDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";

type Kind<K extends "unary" | "server_streaming" | "client_streaming" | "bidi_streaming"> = {
  readonly methodKind: K;
  readonly input: typeof BytesValueSchema;
  readonly output: typeof BytesValueSchema;
};

type EchoService = GenService<{
  readonly unary: Kind<"unary">;
  readonly serverStream: Kind<"server_streaming">;
  readonly clientStream: Kind<"client_streaming">;
  readonly bidi: Kind<"bidi_streaming">;
}>;

function method(name: string, clientStreaming: boolean, serverStreaming: boolean): MethodDescriptorProto {
  const type = ".google.protobuf.BytesValue";
  return create(MethodDescriptorProtoSchema, {
    name,
    inputType: type,
    outputType: type,
    clientStreaming,
    serverStreaming,
  });
}

const wrappers = "google/protobuf/wrappers.proto";

const file = create(FileDescriptorProtoSchema, {
  name: "echo.proto",
  package: "rialto.e2e",
  syntax: "proto3",
  dependency: [wrappers],
  service: [
    {
      name: "EchoService",
      method: [
        method("Unary", false, false),
        method("ServerStream", false, true),
        method("ClientStream", true, false),
        method("Bidi", true, true),
      ],
    },
  ],
});

const registry = createFileRegistry(file, (name) => (name === wrappers ? file_google_protobuf_wrappers : undefined));

/**
 * The service of internal/e2e/echoserver, one method for each kind of call, whose messages are google.protobuf.BytesValue. It
 * is described here by hand, so that tests of a transport need no generated code.
 */
export const EchoService = registry.getService("rialto.e2e.EchoService") as unknown as EchoService;
