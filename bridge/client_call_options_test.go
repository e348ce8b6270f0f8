package bridge_test

import (
	"bytes"
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip"
	grpcproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/experimental"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// callOptionCase makes a unary call with one option and looks at what it did. A request's payload is echoed.
type callOptionCase struct {
	option grpc.CallOption
	size   int        // of the request's payload
	code   codes.Code // that the call ends with
	check  func(t *testing.T, seen metadata.MD)
}

var (
	gotHeader, gotTrailer metadata.MD
	gotPeer               peer.Peer
	finished              []error
)

// callOptionCases has every type of grpc-go that is a CallOption, by name.
var callOptionCases = map[string]callOptionCase{
	"EmptyCallOption":        {option: grpc.EmptyCallOption{}},
	"StaticMethodCallOption": {option: grpc.StaticMethod()},
	"HeaderCallOption": {option: grpc.Header(&gotHeader), check: func(t *testing.T, _ metadata.MD) {
		if got := gotHeader.Get("x-header"); len(got) != 1 || got[0] != "h" {
			t.Errorf("headers %v", gotHeader)
		}
	}},
	"TrailerCallOption": {option: grpc.Trailer(&gotTrailer), check: func(t *testing.T, _ metadata.MD) {
		if got := gotTrailer.Get("x-trailer-bin"); len(got) != 1 || got[0] != "\x00t" {
			t.Errorf("trailers %v", gotTrailer)
		}
	}},
	"PeerCallOption": {option: grpc.Peer(&gotPeer), check: func(t *testing.T, _ metadata.MD) {
		if gotPeer.Addr == nil || !strings.HasPrefix(gotPeer.Addr.String(), "127.0.0.1:") || gotPeer.LocalAddr == nil {
			t.Errorf("peer %+v", gotPeer)
		}
	}},
	"OnFinishCallOption": {
		option: grpc.OnFinish(func(err error) { finished = append(finished, err) }),
		check: func(t *testing.T, _ metadata.MD) {
			if len(finished) != 1 || finished[0] != nil {
				t.Errorf("OnFinish was called with %v", finished)
			}
			finished = nil
		},
	},
	"FailFastCallOption":              {option: grpc.WaitForReady(true)}, // TestWaitForReady
	"MaxRecvMsgSizeCallOption":        {option: grpc.MaxCallRecvMsgSize(10), size: 11, code: codes.ResourceExhausted},
	"MaxSendMsgSizeCallOption":        {option: grpc.MaxCallSendMsgSize(10), size: 11, code: codes.ResourceExhausted},
	"MaxRetryRPCBufferSizeCallOption": {option: grpc.MaxRetryRPCBufferSize(10)}, // TestClientRepeatsWhatWasNotBegun
	"PerRPCCredsCallOption": {option: grpc.PerRPCCredentials(staticCredentials{}), check: func(t *testing.T, seen metadata.MD) {
		if got := seen.Get("x-audience"); len(got) != 1 || !strings.HasPrefix(got[0], "https://127.0.0.1:") || !strings.HasSuffix(got[0], "/grpc.testing.TestService") {
			t.Errorf("metadata %v", seen)
		}
	}},
	"CompressorCallOption":     {option: grpc.UseCompressor("gzip"), size: 4096},
	"ContentSubtypeCallOption": {option: grpc.CallContentSubtype("nosuch"), code: codes.Internal},
	"ForceCodecCallOption": {option: grpc.ForceCodec(oldCodec{}), check: func(t *testing.T, seen metadata.MD) {
		if got := seen.Get("content-type"); len(got) != 1 || got[0] != "application/grpc+proto" {
			t.Errorf("metadata %v", seen)
		}
	}},
	"ForceCodecV2CallOption":      {option: grpc.ForceCodecV2(markedCodec{encoding.GetCodecV2(grpcproto.Name)})},
	"CustomCodecCallOption":       {option: grpc.CustomCodecCallOption{Codec: oldCodec{}}},
	"AuthorityOverrideCallOption": {option: grpc.CallAuthority("elsewhere"), code: codes.Unimplemented},
	"acceptCompressorsCallOption": {option: experimental.AcceptCompressors("gzip"), code: codes.Unimplemented},
}

type staticCredentials struct{ secure bool }

func (staticCredentials) GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error) {
	info, _ := credentials.RequestInfoFromContext(ctx)
	return map[string]string{"X-Audience": uri[0], "x-method": info.Method}, nil
}

func (c staticCredentials) RequireTransportSecurity() bool { return c.secure }

// oldCodec is a codec of grpc-go's first two generations.
type oldCodec struct{}

func (oldCodec) Marshal(m any) ([]byte, error)      { return proto.Marshal(m.(proto.Message)) }
func (oldCodec) Unmarshal(data []byte, m any) error { return proto.Unmarshal(data, m.(proto.Message)) }
func (oldCodec) Name() string                       { return "proto" }
func (oldCodec) String() string                     { return "proto" }

// markedCodec keeps what it decodes, by a reference to its buffers, and looks at it again later.
type markedCodec struct{ encoding.CodecV2 }

func (c markedCodec) Unmarshal(data mem.BufferSlice, m any) error {
	data.Ref()
	defer data.Free()
	before := data.Materialize()
	if err := c.CodecV2.Unmarshal(data, m); err != nil {
		return err
	}
	if !bytes.Equal(before, data.Materialize()) {
		return status.Error(codes.DataLoss, "the bytes changed")
	}
	return nil
}

// Every CallOption of grpc-go does what it says, or ends the call with an error that names it.
func TestEveryCallOption(t *testing.T) {
	t.Parallel()
	seen := make(chan metadata.MD, 1)
	s := serve(t, &echoServer{unary: func(ctx context.Context, in *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		select {
		case seen <- md:
		default:
		}
		grpc.SetHeader(ctx, metadata.Pairs("x-header", "h"))
		grpc.SetTrailer(ctx, metadata.Pairs("x-trailer-bin", "\x00t"))
		return &testgrpc.SimpleResponse{Payload: in.GetPayload()}, nil
	}})
	client := testgrpc.NewTestServiceClient(dialServer(t, s))
	for name, test := range callOptionCases {
		t.Run(name, func(t *testing.T) {
			request := &testgrpc.SimpleRequest{Payload: payload(strings.Repeat("x", test.size))}
			response, err := client.UnaryCall(t.Context(), request, test.option)
			if status.Code(err) != test.code {
				t.Fatalf("error %v, want code %v", err, test.code)
			}
			if test.code == codes.Unimplemented && !strings.Contains(err.Error(), "cannot be honoured") {
				t.Errorf("the error does not say why: %v", err)
			}
			if err == nil && !bytes.Equal(response.GetPayload().GetBody(), request.GetPayload().GetBody()) {
				t.Errorf("response %v", response)
			}
			if test.check != nil {
				test.check(t, receive(t, seen))
			}
			select {
			case <-seen:
			default:
			}
		})
	}
}

// The table above has every CallOption there is in the version of grpc-go that is used.
func TestCallOptionsAreAllThere(t *testing.T) {
	t.Parallel()
	output, err := exec.CommandContext(t.Context(), "go", "list", "-f",
		`{{range .GoFiles}}{{$.Dir}}/{{.}}{{"\n"}}{{end}}`, "google.golang.org/grpc").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := callOptionTypes(t, strings.Fields(string(output)))
	if len(found) < 15 {
		t.Fatalf("found only %v", found)
	}
	for name := range found {
		if _, ok := callOptionCases[name]; !ok {
			t.Errorf("grpc.%s is not in the table", name)
		}
	}
	for name := range callOptionCases {
		if !found[name] {
			t.Errorf("grpc.%s is in the table, not in grpc-go", name)
		}
	}
}

// callOptionTypes returns the types in these files that have CallOption's method before, or embed one that has.
func callOptionTypes(t *testing.T, files []string) map[string]bool {
	t.Helper()
	found, embeds := map[string]bool{}, map[string]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if receiver := receiverType(n); n.Name.Name == "before" && receiver != "" {
					found[receiver] = true
				}
			case *ast.TypeSpec:
				if embedded := embeddedType(n); embedded != "" {
					embeds[n.Name.Name] = embedded
				}
			}
			return true
		})
	}
	for outer, inner := range embeds {
		if found[inner] {
			found[outer] = true
		}
	}
	return found
}

// embeddedType is the first type of its package that a struct embeds.
func embeddedType(spec *ast.TypeSpec) string {
	structure, ok := spec.Type.(*ast.StructType)
	if !ok {
		return ""
	}
	for _, field := range structure.Fields.List {
		if embedded, ok := field.Type.(*ast.Ident); ok && len(field.Names) == 0 {
			return embedded.Name
		}
	}
	return ""
}

func receiverType(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	if name, ok := f.Recv.List[0].Type.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

// An option of another package is satellite data for interceptors; what it wraps still counts.
func TestCallOptionsOfOthers(t *testing.T) {
	t.Parallel()
	type satellite struct {
		grpc.EmptyCallOption
		note string
	}
	type wrapping struct{ grpc.HeaderCallOption }
	s := serve(t, &echoServer{unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		grpc.SetHeader(ctx, metadata.Pairs("x-header", "h"))
		return &testgrpc.SimpleResponse{}, nil
	}})
	client := testgrpc.NewTestServiceClient(dialServer(t, s))
	var header metadata.MD
	_, err := client.UnaryCall(t.Context(), &testgrpc.SimpleRequest{},
		satellite{note: "x"}, wrapping{grpc.HeaderCallOption{HeaderAddr: &header}})
	if err != nil || len(header.Get("x-header")) != 1 {
		t.Errorf("%v, headers %v", err, header)
	}
}
