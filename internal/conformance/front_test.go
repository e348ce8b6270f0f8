package conformance

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip" // what calls may be compressed with
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"

	"github.com/rialto-rpc/rialto/bridge"
)

// grpcRole is a client program behind a front for every server that it is told of.
const grpcRole = "grpc-front"

// anyBytes is more than the largest message of any case, so that the limit that a case is about is the one that counts.
const anyBytes = 64 << 20

// runClient is the program that the runner starts as the client under test: command, whose requests it changes on their way,
// so that each goes to a front of the server that it names. All that runs ends with this process.
func runClient(command []string) error {
	client := exec.Command(command[0], command[1:]...)
	client.Stdout, client.Stderr = os.Stdout, os.Stderr
	requests, err := client.StdinPipe()
	if err != nil {
		return err
	}
	if err := client.Start(); err != nil {
		return err
	}
	err = redirect(os.Stdin, requests)
	requests.Close()
	if ended := client.Wait(); err == nil {
		err = ended
	}
	return err
}

// redirect copies requests and gives each the address of its server's front, of which there is one for each server.
func redirect(from io.Reader, to io.Writer) error {
	fronts := make(map[string]string)
	for {
		request, err := readMessage(from)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		server, err := addressedTo(request)
		if err != nil {
			return err
		}
		if fronts[server] == "" {
			if fronts[server], err = startFront(server); err != nil {
				return fmt.Errorf("front of %s: %w", server, err)
			}
		}
		if request, err = readdress(request, fronts[server]); err != nil {
			return err
		}
		if err := writeMessage(to, request); err != nil {
			return err
		}
	}
}

// startFront puts before a server a gRPC server, a WebSocket and a bridge, and returns the gRPC server's address.
func startFront(server string) (string, error) {
	upstream, err := grpc.NewClient(server, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return "", err
	}
	handler, err := bridge.NewHandler(
		bridge.WithUpstream(upstream, bridge.WithUpstreamServices(serviceName)),
		bridge.WithMaxRecvMsgSize(anyBytes),
	)
	if err != nil {
		return "", err
	}
	address, err := serveHandler(handler)
	if err != nil {
		return "", err
	}
	return serveGRPC(address)
}

// serveHandler serves a handler until the process ends.
func serveHandler(handler *bridge.Handler) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go http.Serve(listener, handler)
	return listener.Addr().String(), nil
}

// serveGRPC serves gRPC until the process ends: it passes all calls, byte for byte, through one WebSocket to the bridge at an
// address.
func serveGRPC(address string) (string, error) {
	cc, err := bridge.Dial("ws://"+address, bridge.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(anyBytes)))
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := grpc.NewServer(
		grpc.ForceServerCodecV2(rawCodec{}),
		grpc.UnknownServiceHandler(passTo(cc)),
		grpc.MaxRecvMsgSize(anyBytes),
		grpc.StatsHandler(encodings{}),
	)
	go server.Serve(listener)
	return listener.Addr().String(), nil
}

var anyKind = &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}

// passTo returns a handler that makes each call it gets on cc.
func passTo(cc grpc.ClientConnInterface) grpc.StreamHandler {
	return func(_ any, in grpc.ServerStream) error {
		ctx, cancel := context.WithCancel(in.Context())
		defer cancel()
		method, _ := grpc.MethodFromServerStream(in)
		md, _ := metadata.FromIncomingContext(ctx)
		for _, name := range []string{":authority", "content-type", "user-agent", "grpc-accept-encoding"} {
			delete(md, name) // the first leg's own
		}
		out, err := cc.NewStream(metadata.NewOutgoingContext(ctx, md), anyKind, method,
			grpc.ForceCodecV2(rawCodec{}), grpc.UseCompressor(encodingOf(ctx)))
		if err != nil {
			return err
		}
		// Ends with the requests, or with the call when this handler has returned.
		go func() {
			for {
				request := new(rawMessage)
				if err := in.RecvMsg(request); err == io.EOF {
					out.CloseSend()
					return
				} else if err != nil {
					cancel()
					return
				}
				if out.SendMsg(request) != nil {
					return // RecvMsg says why
				}
			}
		}()
		return passBack(out, in)
	}
}

// passBack passes on headers, messages, trailers and the status.
func passBack(out grpc.ClientStream, in grpc.ServerStream) error {
	if header, err := out.Header(); err == nil && header != nil {
		if err := in.SendHeader(header); err != nil {
			return err
		}
	}
	for {
		response := new(rawMessage)
		err := out.RecvMsg(response)
		if err == nil {
			err = in.SendMsg(response)
		}
		if err != nil {
			in.SetTrailer(out.Trailer())
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

// encodings notes what each call is compressed with, which a handler is not told otherwise.
type encodings struct{}

type encodingKey struct{}

func encodingOf(ctx context.Context) string { return *ctx.Value(encodingKey{}).(*string) }

func (encodings) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, encodingKey{}, new(string))
}

func (encodings) HandleRPC(ctx context.Context, event stats.RPCStats) {
	if header, ok := event.(*stats.InHeader); ok {
		*ctx.Value(encodingKey{}).(*string) = header.Compression
	}
}

func (encodings) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (encodings) HandleConn(context.Context, stats.ConnStats) {}

// rawMessage is a message as the bytes it is.
type rawMessage struct{ data []byte }

// rawCodec leaves messages as the bytes they are.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.(*rawMessage).data)}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	v.(*rawMessage).data = data.Materialize()
	return nil
}

func splitAddress(address string) (host string, port uint64, err error) {
	host, digits, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.ParseUint(digits, 10, 16)
	return host, port, err
}
