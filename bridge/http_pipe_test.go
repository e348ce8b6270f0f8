package bridge_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/rialto-rpc/rialto/bridge"
)

// pipeServer is a bridge behind an http.Server with pipes for connections, for tests with a fake clock. The http.Server has
// time-outs for pages, as a program's would that serves pages too.
type pipeServer struct {
	*pipeListener
	handler *bridge.Handler
}

// servePipes serves until the test's function ends it with the result, which waits for all goroutines.
func servePipes(t *testing.T, echo *echoServer, opts ...bridge.HandlerOption) (s *pipeServer, shutdown func()) {
	t.Helper()
	h, err := bridge.NewHandler(opts...)
	if err != nil {
		t.Fatal(err)
	}
	testgrpc.RegisterTestServiceServer(h, echo)
	s = &pipeServer{newPipeListener(), h}
	web := &http.Server{Handler: h, ReadTimeout: 30 * time.Second, WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute}
	web.Protocols = new(http.Protocols)
	web.Protocols.SetHTTP1(true)
	web.Protocols.SetUnencryptedHTTP2(true)
	served := make(chan struct{})
	go func() {
		defer close(served)
		web.Serve(s)
	}()
	return s, func() {
		web.Close()
		<-served
		h.Drain(context.Background())
	}
}

// http2 returns a transport that speaks HTTP/2 to the server.
func (s *pipeServer) http2() *http.Transport {
	transport := &http.Transport{
		Protocols:   new(http.Protocols),
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) { return s.pipe(ctx, addr) },
	}
	transport.Protocols.SetUnencryptedHTTP2(true)
	return transport
}

// pipeClient speaks HTTP/1.1 by hand.
type pipeClient struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func (s *pipeServer) dial(t *testing.T) *pipeClient {
	t.Helper()
	conn := s.connect(t)
	return &pipeClient{t, conn, bufio.NewReaderSize(conn, 16)}
}

// write sends what is formatted; the server reads it all unless it has given up.
func (c *pipeClient) write(format string, args ...any) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.conn, format, args...); err != nil {
		c.t.Fatal(err)
	}
}

// post sends the whole of a request.
func (c *pipeClient) post(path, contentType, body, headers string) {
	c.t.Helper()
	c.write("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n%s", path, contentType, headers, len(body), body)
}

// begin sends a request's head; its body comes in chunks.
func (c *pipeClient) begin(path, contentType string) {
	c.t.Helper()
	c.write("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n", path, contentType)
}

func (c *pipeClient) chunk(data string) {
	c.t.Helper()
	c.write("%x\r\n%s\r\n", len(data), data)
}

// response reads the head of the response.
func (c *pipeClient) response() *http.Response {
	c.t.Helper()
	response, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return response
}

// answer reads the whole response.
func (c *pipeClient) answer() (*http.Response, string) {
	c.t.Helper()
	response := c.response()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return response, string(body)
}

// read reads so many bytes of a response's body.
func (c *pipeClient) read(response *http.Response, n int) string {
	c.t.Helper()
	data := make([]byte, n)
	if _, err := io.ReadFull(response.Body, data); err != nil {
		c.t.Fatal(err)
	}
	return string(data)
}
