package bridge

import (
	"maps"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

var errFirstFrame = &connError{CloseFirstFrameTimeout, "no frame came to start the call"}

// open does what comes before the service's handler: it finds the method and reads the frame that starts the call, if
// there has to be one. False if the call has ended before it began.
func (c *plainCall) open() (opening, bool) {
	m, unknown := c.handler.lookup(c.path)
	if m == nil {
		c.end(status.New(codes.Unimplemented, unknown))
		return opening{}, false
	}
	if err := c.request.offer.tokenErr; err != nil {
		c.end(status.New(codes.Unauthenticated, err.Error()))
		return opening{}, false
	}
	c.stream.method = m
	if c.stream.codec != nil { // the URL gives the encoding, and so starts the call
		return opening{}, true
	}
	c.recvMu.Lock()
	defer c.recvMu.Unlock()
	c.sock.conn.SetReadDeadline(time.Now().Add(c.handler.config.firstFrameTimeout))
	defer c.sock.conn.SetReadDeadline(time.Time{})
	if c.framing != nil {
		return c.framing.readOpening()
	}
	return c.readOpening()
}

// readOpening reads the first frame, and where that is an @open frame that leaves the encoding open, the one after it. A
// frame that is part of the call stays pending. The caller has the reader's turn.
func (c *plainCall) readOpening() (opened opening, ok bool) {
	f, ok := c.readFirst()
	if !ok {
		return opening{}, false
	}
	if c.controls && f.text && isOpenFrame(f.data.Bytes()) {
		if opened, ok = c.parseOpening(f); !ok || opened.codec != nil {
			c.stream.codec = opened.codec
			return opened, ok
		}
		if f, ok = c.readFirst(); !ok {
			return opening{}, false
		}
	}
	c.stream.codec, c.pending = codecOf(f), &f
	return opened, true
}

func (c *plainCall) readFirst() (frame, bool) {
	f, err := c.sock.read(c.maxFrameBytes)
	switch {
	case err == nil:
		return f, true
	case isTimeout(err):
		c.readErr = err
		c.breach(errFirstFrame)
	default:
		c.readFailed(err)
	}
	return frame{}, false
}

func (c *plainCall) parseOpening(f frame) (opening, bool) {
	defer f.free()
	opened, err := parseOpenFrame(f.data.Bytes(), c.handler.config.maxMetadataBytes)
	if err != nil {
		c.end(status.Convert(err))
		return opening{}, false
	}
	return opened, true
}

// codecOf is the encoding that the first frame decides.
func codecOf(f frame) codec {
	if f.text {
		return jsonCodec{}
	}
	return binaryCodec()
}

// takeMetadata gives the call's context its metadata. Where a name has several sources, what the client says for this call
// (@open, then the token of the subprotocol) comes before what its HTTP client says for every request.
func (c *plainCall) takeMetadata(opened metadata.MD) {
	md := c.request.header
	said := metadata.MD{}
	if token := c.request.offer.token; token != "" {
		said["authorization"] = []string{"Bearer " + token}
	}
	maps.Copy(said, opened)
	c.handler.config.trusted.removeFrom(said)
	maps.Copy(md, said)
	md["content-type"] = []string{c.stream.codec.contentType()}
	c.context.metadata = flatten(md)
}
