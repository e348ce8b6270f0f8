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

// outgoing returns a message as it travels, with the flags that say so.
func (c *compression) outgoing(message payload) (payload, frameFlags, error) {
	data, compressed, err := c.compress(message.data)
	if err != nil || !compressed {
		return message, 0, err
	}
	message.free()
	return payload{data: data}, flagCompressed, nil
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
	return c.decompressWithin(data, limit, nil)
}

// decompressWithin is decompress for one of many messages that share a budget. What the message takes of it is the caller's to
// release; nothing if it failed.
func (c *compression) decompressWithin(data []byte, limit int, budget *assemblyBudget) ([]byte, error) {
	if c == nil {
		return nil, errNotCompressed
	}
	r, err := c.Decompress(bytes.NewReader(data))
	if err != nil {
		return nil, status.Errorf(codes.Internal, "malformed %s message", c.Name())
	}
	source := budgetReader{r: io.LimitReader(r, int64(limit)+1), budget: budget}
	var long bytes.Buffer
	_, err = long.ReadFrom(&source)
	switch {
	case err == nil && long.Len() <= limit:
		return long.Bytes(), nil
	case err == nil:
		err = errTooLarge(limit)
	case err != errAssembly:
		err = status.Errorf(codes.Internal, "malformed %s message", c.Name())
	}
	source.release()
	return nil, err
}

// budgetReader takes what is read of a budget; of none if that is nil.
type budgetReader struct {
	r      io.Reader
	budget *assemblyBudget
	taken  int
}

func (r *budgetReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if r.budget == nil || n == 0 {
		return n, err
	}
	r.taken += n
	if !r.budget.take(n) {
		return n, errAssembly
	}
	return n, err
}

func (r *budgetReader) release() {
	if r.budget != nil {
		r.budget.release(r.taken)
	}
}
