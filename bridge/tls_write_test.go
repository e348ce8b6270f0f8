package bridge_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/rialto-rpc/rialto/bridge"
)

// countingListener counts the write deadlines of its connections, and breaks one that has had a thousand: a loop that goes round
// without waiting would stop a fake clock for ever.
type countingListener struct {
	net.Listener
	deadlines atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return &countingConn{conn, l}, err
}

type countingConn struct {
	net.Conn
	listener *countingListener
}

func (c *countingConn) SetWriteDeadline(t time.Time) error {
	if c.listener.deadlines.Add(1) == 1000 {
		c.Close()
	}
	return c.Conn.SetWriteDeadline(t)
}

// hiddenTLS does not show that there is TLS inside.
type hiddenTLS struct{ net.Conn }

type hidingListener struct{ net.Listener }

func (l hidingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return hiddenTLS{conn}, err
}

// selfSigned is a certificate of a key that nobody else has.
func selfSigned(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// tlsTalk is a bidi call over TLS on a pipe, with a fake clock. The service says what the test gives to say.
type tlsTalk struct {
	*rawClient
	handler *bridge.Handler
	counts  *countingListener
	say     chan string
	ended   chan time.Time // when a Send failed
}

const tlsWriteTimeout = 30 * time.Second

// talkTLS has test use a call in a bubble of fake time.
func talkTLS(t *testing.T, hidden bool, test func(*testing.T, *tlsTalk)) {
	synctest.Test(t, func(t *testing.T) {
		talk := &tlsTalk{say: make(chan string), ended: make(chan time.Time, 1)}
		h, err := bridge.NewHandler(bridge.WithWriteTimeout(tlsWriteTimeout), bridge.WithHeartbeat(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		testgrpc.RegisterTestServiceServer(h, &echoServer{fullBidi: talk.serve})
		pipes := newPipeListener()
		talk.handler, talk.counts = h, &countingListener{Listener: pipes}
		listener := tls.NewListener(talk.counts, &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}})
		if hidden {
			listener = hidingListener{listener}
		}
		web := &http.Server{Handler: h}
		served := make(chan struct{})
		go func() {
			defer close(served)
			web.Serve(listener)
		}()
		pipe := pipes.connect(t)
		defer func() {
			close(talk.say)
			pipe.Close()
			h.Drain(context.Background())
			web.Close()
			<-served
		}()
		client := tls.Client(pipe, &tls.Config{InsecureSkipVerify: true})
		talk.rawClient, _ = newRawClient(t, client, bidiPath+"?encoding=json")
		test(t, talk)
	})
}

func (talk *tlsTalk) serve(stream bidiCall) error {
	for body := range talk.say {
		if err := stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: &testgrpc.Payload{Body: []byte(body)}}); err != nil {
			talk.ended <- time.Now()
			return err
		}
	}
	return nil
}

// A client over TLS that stops reading, and reads again within the write timeout, is not cut: the deadline of an earlier write is
// none for a later one.
func TestTLSClientMayPause(t *testing.T) {
	t.Parallel()
	talkTLS(t, false, func(t *testing.T, talk *tlsTalk) {
		talk.say <- "first"
		talk.read()
		time.Sleep(14 * time.Second)
		talk.say <- "second"
		time.Sleep(tlsWriteTimeout - time.Second) // the first write was 43 s ago
		if _, payload := talk.read(); !strings.Contains(string(payload), "payload") {
			t.Errorf("read %q", payload)
		}
		if stats := talk.handler.Stats(); stats.Stalled != 0 {
			t.Errorf("stats %+v", stats)
		}
	})
}

// A client over TLS that stops reading, also within a message, is cut after the write timeout, and until then costs nothing.
func TestStalledTLSClientIsCut(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		hidden bool
		reads  int // bytes
	}{
		{name: "before a message"},
		{name: "within a message", reads: 40 << 10},
		{name: "before a message, hidden", hidden: true},
		{name: "within a message, hidden", hidden: true, reads: 40 << 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			talkTLS(t, test.hidden, func(t *testing.T, talk *tlsTalk) {
				talk.say <- "first"
				talk.read()
				time.Sleep(14 * time.Second)
				talk.say <- strings.Repeat("x", 200<<10)
				if _, err := io.CopyN(io.Discard, talk.r, int64(test.reads)); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				took := (<-talk.ended).Sub(start)
				if took != tlsWriteTimeout && !test.hidden { // nobody can do right by the other
					t.Errorf("cut after %v", took)
				}
				if n := talk.counts.deadlines.Load(); n > 100 {
					t.Errorf("%d write deadlines", n)
				}
				synctest.Wait()
				if stats := talk.handler.Stats(); stats.Stalled != 1 {
					t.Errorf("stats %+v", stats)
				}
			})
		})
	}
}

// A client over TLS gets a message of many records. These are real sockets, and so is the time: it has plenty.
func TestTLSOverSockets(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	h, conn, failed := floodOverTLS(t, size, time.Minute)
	if _, data, err := conn.ReadMessage(); err != nil || len(data) < size {
		t.Errorf("read %d bytes, %v", len(data), err)
	}
	conn.Close()
	receive(t, failed)
	waitUntil(t, func() bool { return h.Stats().Open == 0 })
	if stats := h.Stats(); stats.Stalled != 0 {
		t.Errorf("stats %+v", stats)
	}
}

// A client over TLS that reads nothing is cut, also where the kernel stands between.
func TestTLSOverSocketsIsCut(t *testing.T) {
	t.Parallel()
	h, _, failed := floodOverTLS(t, 1<<20, time.Second)
	receive(t, failed)
	waitUntil(t, func() bool { return h.Stats().Open == 0 })
	if stats := h.Stats(); stats.Stalled != 1 {
		t.Errorf("stats %+v", stats)
	}
}

// floodOverTLS begins a call over real sockets that sends messages of a size until that fails.
func floodOverTLS(t *testing.T, size int, writeTimeout time.Duration) (h *bridge.Handler, conn *websocket.Conn, failed <-chan error) {
	t.Helper()
	h, err := bridge.NewHandler(bridge.WithWriteTimeout(writeTimeout))
	if err != nil {
		t.Fatal(err)
	}
	end := make(chan error, 1)
	testgrpc.RegisterTestServiceServer(h, &echoServer{fullBidi: func(stream bidiCall) error {
		body := bytes.Repeat([]byte("x"), size)
		for {
			if err := stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: &testgrpc.Payload{Body: body}}); err != nil {
				end <- err
				return err
			}
		}
	}})
	web := httptest.NewTLSServer(h)
	t.Cleanup(web.Close)
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	conn, _, err = dialer.Dial("wss"+strings.TrimPrefix(web.URL, "https")+bidiPath+"?encoding=proto", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return h, conn, end
}
