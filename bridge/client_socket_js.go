//go:build js

package bridge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall/js"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

const (
	// maxBufferedBytes is how much the browser may keep of what we send before we wait: it would keep any amount.
	maxBufferedBytes = 1 << 20

	// bufferedPoll is how often we look, since browsers do not tell when that falls.
	bufferedPoll = 5 * time.Millisecond

	readyStateOpen = 1 // WebSocket.OPEN
)

// checkPlatform refuses what a page cannot decide.
func (c *dialConfig) checkPlatform() error {
	switch {
	case c.tls != nil:
		return errors.New("a TLS configuration in a browser, which decides for itself")
	case c.dialer != nil:
		return errors.New("a dialer in a browser, which dials for itself")
	case len(c.header) > 0:
		return errors.New("handshake headers in a browser, which cannot send them")
	}
	return nil
}

// openSocket opens the browser's WebSocket to target within ctx.
func openSocket(ctx context.Context, target *url.URL, config *dialConfig) (messageSocket, *peer.Peer, error) {
	s := &jsSocket{writeTimeout: config.writeTimeout, opened: make(chan struct{}), arrived: make(chan struct{}, 1)}
	if err := s.open(target.String()); err != nil {
		return nil, nil, err
	}
	select {
	case <-s.opened:
	case <-s.arrived: // only an error does, before the socket is open
		s.release()
		return nil, nil, errors.New("the browser could not open the WebSocket; it does not tell programs why")
	case <-ctx.Done():
		s.abort()
		s.release()
		return nil, nil, context.Cause(ctx)
	}
	if s.ws.Get("protocol").String() != SubprotocolMultiplexed {
		s.abort()
		s.release()
		return nil, nil, fmt.Errorf("the server does not speak %s at %s", SubprotocolMultiplexed, target.Path)
	}
	return s, peerOfPage(target), nil
}

// peerOfPage is what a page knows of its server.
func peerOfPage(target *url.URL) *peer.Peer {
	p := &peer.Peer{Addr: hostAddr(target.Host)}
	if target.Scheme == "wss" {
		p.AuthInfo = credentials.TLSInfo{
			CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
		}
	}
	return p
}

// hostAddr is the [net.Addr] of a host whose IP address is the browser's secret.
type hostAddr string

func (hostAddr) Network() string  { return "websocket" }
func (a hostAddr) String() string { return string(a) }

// jsSocket is the [messageSocket] over the browser's WebSocket.
type jsSocket struct {
	ws           js.Value
	listeners    []js.Func
	writeTimeout time.Duration
	opened       chan struct{} // closed by the open event
	arrived      chan struct{} // holds one token while there may be something to read
	waits        atomic.Uint64 // writes that had to wait for the peer, and went on
	waiting      atomic.Bool   // one waits now

	mu       sync.Mutex // guards what follows
	messages [][]byte   // bounded by the session's windows; nil: a text message
	err      error      // final; what read returns behind the messages
}

// open calls the constructor, which throws where a page may not connect.
func (s *jsSocket) open(target string) (err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = fmt.Errorf("the browser refused the WebSocket: %v", thrown)
		}
	}()
	constructor := js.Global().Get("WebSocket")
	if !constructor.Truthy() {
		return errors.New("there is no WebSocket here")
	}
	s.ws = constructor.New(target, []any{SubprotocolMultiplexed})
	s.ws.Set("binaryType", "arraybuffer")
	s.listen("open", func(js.Value) { close(s.opened) })
	s.listen("message", s.onMessage)
	s.listen("close", func(event js.Value) {
		s.fail(&websocket.CloseError{Code: event.Get("code").Int(), Text: event.Get("reason").String()})
	})
	return nil
}

// listen adds a listener, which must not wait.
func (s *jsSocket) listen(event string, handle func(event js.Value)) {
	listener := js.FuncOf(func(_ js.Value, args []js.Value) any {
		handle(args[0])
		return nil
	})
	s.listeners = append(s.listeners, listener)
	s.ws.Set("on"+event, listener)
}

// release takes the listeners away; the socket tells nothing any more.
func (s *jsSocket) release() {
	for _, event := range []string{"open", "message", "close"} {
		s.ws.Set("on"+event, js.Null())
	}
	for _, listener := range s.listeners {
		listener.Release()
	}
	s.listeners = nil
}

func (s *jsSocket) onMessage(event js.Value) {
	var message []byte
	if data := event.Get("data"); data.Type() != js.TypeString {
		array := js.Global().Get("Uint8Array").New(data)
		message = make([]byte, array.Get("length").Int())
		js.CopyBytesToGo(message, array)
	}
	s.mu.Lock()
	s.messages = append(s.messages, message)
	s.mu.Unlock()
	s.signal()
}

// fail is the end of what can be read. The first error counts.
func (s *jsSocket) fail(err error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
	}
	s.mu.Unlock()
	s.signal()
}

func (s *jsSocket) signal() {
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

// start implements [messageSocket]. Browsers answer pings by themselves.
func (s *jsSocket) start(func()) {}

func (s *jsSocket) read(_ []byte, limit int) ([]byte, error) {
	for {
		message, ok, err := s.next()
		switch {
		case err != nil:
			return nil, err
		case !ok:
			<-s.arrived
		case message == nil:
			return nil, &connError{CloseWrongFrameType, "a text message"}
		case len(message) > limit:
			return nil, protocolError("a frame of more than %d bytes", limit)
		default:
			return message, nil
		}
	}
}

// next returns the next message if there is one, and the error behind the last.
func (s *jsSocket) next() (message []byte, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.messages) == 0 {
		return nil, false, s.err
	}
	message = s.messages[0]
	s.messages[0] = nil
	s.messages = s.messages[1:]
	return message, true, nil
}

func (s *jsSocket) write(message []byte) error {
	if err := s.waitForBrowser(); err != nil {
		return err
	}
	array := js.Global().Get("Uint8Array").New(len(message))
	js.CopyBytesToJS(array, message)
	s.ws.Call("send", array)
	return nil
}

// waitForBrowser waits while the browser keeps too much of what we sent.
func (s *jsSocket) waitForBrowser() error {
	progress := time.Now()
	for last := s.buffered(); ; {
		if s.ws.Get("readyState").Int() != readyStateOpen {
			return websocket.ErrCloseSent
		}
		buffered := s.buffered()
		if buffered <= maxBufferedBytes {
			return nil
		}
		if buffered < last {
			last, progress = buffered, time.Now()
			s.waits.Add(1)
		}
		if time.Since(progress) > s.writeTimeout {
			return errStalled
		}
		s.waiting.Store(true)
		time.Sleep(bufferedPoll)
		s.waiting.Store(false)
	}
}

func (s *jsSocket) buffered() int { return s.ws.Get("bufferedAmount").Int() }

// flush implements [messageSocket]: the browser sends by itself.
func (s *jsSocket) flush() error { return nil }

// writeClose implements [messageSocket]. Scripts may close with 1000 and 3000 to 4999 only, and other codes throw.
func (s *jsSocket) writeClose(code CloseCode, reason string) error {
	if code != CloseOK && (code < 3000 || code > 4999) {
		s.ws.Call("close")
		return nil
	}
	s.ws.Call("close", int(code), closeReason(reason))
	return nil
}

func (s *jsSocket) rest() {} // the browser has the memory

func (s *jsSocket) park(sleeper) bool { return false }

func (s *jsSocket) progress() (uint64, bool) { return s.waits.Load(), s.waiting.Load() }

// shutdown implements [messageSocket]: the browser closes the connection in its own time.
func (s *jsSocket) shutdown(error) {
	s.ws.Call("close")
	s.release()
}

func (s *jsSocket) abort() {
	s.ws.Call("close")
	s.fail(net.ErrClosed)
}
