package bridge_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// The opcodes and flags of RFC 6455, section 5.2, for frames that no well-behaved client sends.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa

	flagFin  = 0x80
	flagRSV1 = 0x40
)

// rawClient speaks bytes.
type rawClient struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

// dialRaw does the handshake and leaves the frames to the test.
func (s *server) dialRaw(t testing.TB, path string) *rawClient {
	t.Helper()
	c, response := s.handshakeRaw(t, path)
	c.expectNoExtensions(response)
	return c
}

func (s *server) handshakeRaw(t testing.TB, path string) (*rawClient, *http.Response) {
	t.Helper()
	conn, err := net.Dial("tcp", s.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return newRawClient(t, conn, path)
}

// newRawClient does the handshake, and offers compression.
func newRawClient(t testing.TB, conn net.Conn, path string) (*rawClient, *http.Response) {
	t.Helper()
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+
		"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", path)
	c := &rawClient{t, conn, bufio.NewReader(conn)}
	response, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake: %v", response.Status)
	}
	return c, response
}

func (c *rawClient) expectNoExtensions(response *http.Response) {
	c.t.Helper()
	if extensions := response.Header.Get("Sec-Websocket-Extensions"); extensions != "" {
		c.t.Fatalf("the server negotiated %q", extensions)
	}
}

// rawFrame is a masked frame, as a client's has to be.
func rawFrame(first byte, payload []byte) []byte {
	frame := []byte{first}
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, 0x80|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(n))
	}
	mask := [4]byte{1, 2, 3, 4}
	frame = append(frame, mask[:]...)
	for i, b := range payload {
		frame = append(frame, b^mask[i%4])
	}
	return frame
}

func (c *rawClient) send(frames ...[]byte) {
	c.t.Helper()
	for _, frame := range frames {
		if _, err := c.conn.Write(frame); err != nil {
			c.t.Fatal(err)
		}
	}
}

// read reads one frame of the server's.
func (c *rawClient) read() (first byte, payload []byte) {
	c.t.Helper()
	header := make([]byte, 2)
	if _, err := io.ReadFull(c.r, header); err != nil {
		c.t.Fatal(err)
	}
	n := int(header[1])
	if n == 126 {
		extended := make([]byte, 2)
		if _, err := io.ReadFull(c.r, extended); err != nil {
			c.t.Fatal(err)
		}
		n = int(binary.BigEndian.Uint16(extended))
	}
	payload = make([]byte, n)
	if _, err := io.ReadFull(c.r, payload); err != nil {
		c.t.Fatal(err)
	}
	return header[0], payload
}

// expectClose reads a close frame with this code and then the end of the connection.
func (c *rawClient) expectClose(code int) (reason string) {
	c.t.Helper()
	first, payload := c.read()
	if first != flagFin|opClose || len(payload) < 2 {
		c.t.Fatalf("frame %#x %q, want close %d", first, payload, code)
	}
	if got := int(binary.BigEndian.Uint16(payload)); got != code {
		c.t.Fatalf("close %d %q, want %d", got, payload[2:], code)
	}
	c.send(rawFrame(flagFin|opClose, payload[:2]))
	if _, err := c.r.ReadByte(); err != io.EOF {
		c.t.Fatalf("after the close frame: %v, want the end of the connection", err)
	}
	return string(payload[2:])
}

// expectCloseAnswer reads the answer to a close frame of ours, with this code (0: none), and the end of the connection.
func (c *rawClient) expectCloseAnswer(code int) {
	c.t.Helper()
	first, payload := c.read()
	got := 0
	if len(payload) >= 2 {
		got = int(binary.BigEndian.Uint16(payload))
	}
	if first != flagFin|opClose || got != code {
		c.t.Fatalf("frame %#x %q, want close %d", first, payload, code)
	}
	if _, err := c.r.ReadByte(); err != io.EOF {
		c.t.Fatalf("after the close frames: %v, want the end of the connection", err)
	}
}
