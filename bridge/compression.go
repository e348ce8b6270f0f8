package bridge

import (
	"bytes"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"
)

// minCompressedBytes is the length from which a message is worth compressing.
const minCompressedBytes = 512

// compression compresses the messages of a call, each by itself. Nil compresses nothing.
type compression struct{ encoding.Compressor }

// supportedEncodings are the compressions that settings announce. Others that the program has registered with grpc-go work as
// well, for a peer that knows of them.
var supportedEncodings = []string{gzip.Name}

// compressionNamed returns the compression that a call names, as it is registered with grpc-go; nil for no compression.
func compressionNamed(name string) (c *compression, ok bool) {
	if name == "" || name == encoding.Identity {
		return nil, true
	}
	compressor := encoding.GetCompressor(name)
	return &compression{compressor}, compressor != nil
}

// compress returns a message as it travels, and whether it is compressed: one that would not become shorter is not.
func (c *compression) compress(data []byte) ([]byte, bool, error) {
	if c == nil || len(data) < minCompressedBytes {
		return data, false, nil
	}
	var short bytes.Buffer
	w, err := c.Compress(&short)
	if err != nil {
		return nil, false, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, false, err
	}
	if err := w.Close(); err != nil {
		return nil, false, err
	}
	if short.Len() >= len(data) {
		return data, false, nil
	}
	return short.Bytes(), true, nil
}

var errNotCompressed = status.Error(codes.Internal, "compressed message in a call without an encoding")

// decompress undoes compress. No more than limit bytes are made of however few: a message that is longer is RESOURCE_EXHAUSTED.
func (c *compression) decompress(data []byte, limit int) ([]byte, error) {
	if c == nil {
		return nil, errNotCompressed
	}
	r, err := c.Decompress(bytes.NewReader(data))
	if err != nil {
		return nil, status.Errorf(codes.Internal, "malformed %s message", c.Name())
	}
	var long bytes.Buffer
	if _, err := long.ReadFrom(io.LimitReader(r, int64(limit)+1)); err != nil {
		return nil, status.Errorf(codes.Internal, "malformed %s message", c.Name())
	}
	if long.Len() > limit {
		return nil, errTooLarge(limit)
	}
	return long.Bytes(), nil
}
