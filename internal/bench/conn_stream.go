package bench

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"

	"github.com/rialto-rpc/rialto/bridge"
)

// stream is a session over gRPC, native or multiplexed, on a connection of its own.
type stream struct {
	grpc.ClientStream
	cancel context.CancelFunc
	conn   interface{ Close() error }
	buf    []byte // of Receive
}

func dialMux(address string) (Session, error) {
	cc, err := bridge.Dial("ws://" + address)
	if err != nil {
		return nil, err
	}
	return openStream(cc, cc)
}

func dialGRPC(address string) (Session, error) {
	cc, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	return openStream(cc, cc)
}

func openStream(cc grpc.ClientConnInterface, closer interface{ Close() error }) (Session, error) {
	ctx, cancel := context.WithCancel(context.Background()) // the session's; ends in close
	desc := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	s, err := cc.NewStream(ctx, desc, connectPath, grpc.ForceCodecV2(rawCodec{}), grpc.WaitForReady(true))
	if err != nil {
		cancel()
		closer.Close()
		return nil, fmt.Errorf("open stream: %w", err)
	}
	return &stream{ClientStream: s, cancel: cancel, conn: closer}, nil
}

func (s *stream) Send(request []byte) error { return s.SendMsg(&request) }

func (s *stream) Receive() ([]byte, error) {
	err := s.RecvMsg(&s.buf)
	return s.buf, err
}

func (s *stream) Close() {
	s.cancel()
	s.conn.Close()
}

// rawCodec passes messages as bytes.
type rawCodec struct{}

var _ encoding.CodecV2 = rawCodec{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	buf := v.(*[]byte)
	n := data.Len()
	if cap(*buf) < n {
		*buf = make([]byte, n)
	}
	*buf = (*buf)[:n]
	data.CopyTo(*buf)
	return nil
}
