package e2e

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// faultyProxy stands between clients and a server and does to each connection what networks do: it delays, cuts, sends half
// of what it took, or swallows everything for a while before it hangs up. Once healed it passes everything on.
type faultyProxy struct {
	addr     string
	upstream string
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex // protects what follows
	random *rand.Rand
	healed bool
	conns  map[net.Conn]struct{}
	fates  map[string]int
}

func startFaultyProxy(t *testing.T, upstream string, seed uint64) *faultyProxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &faultyProxy{
		addr: listener.Addr().String(), upstream: upstream, listener: listener,
		random: rand.New(rand.NewPCG(seed, 0)), conns: make(map[net.Conn]struct{}), fates: make(map[string]int),
	}
	p.running.Go(p.accept) // ends with the listener
	t.Cleanup(func() {
		listener.Close()
		p.heal() // cuts what is swallowed
		p.mu.Lock()
		for c := range p.conns {
			c.Close()
		}
		p.mu.Unlock()
		p.running.Wait()
	})
	return p
}

// fate is what will become of a connection.
type fate struct {
	name  string
	after int           // bytes passed on before it happens, in one direction
	delay time.Duration // before each piece
}

func (p *faultyProxy) choose() fate {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := fate{name: "pass"}
	if !p.healed {
		f = fate{
			name:  []string{"cut", "reset", "truncate", "swallow", "delay"}[p.random.IntN(5)],
			after: 500 + p.random.IntN(20_000),
			delay: time.Duration(p.random.IntN(3)) * time.Millisecond,
		}
	}
	if f.name == "delay" {
		f.delay = time.Duration(20+p.random.IntN(100)) * time.Millisecond
	}
	p.fates[f.name]++
	return f
}

// heal hangs up every connection and passes on all that come later.
func (p *faultyProxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.healed = true
	for c := range p.conns {
		c.Close()
	}
}

func (p *faultyProxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(c) }) // ends with either connection
	}
}

func (p *faultyProxy) serve(c net.Conn) {
	defer c.Close()
	up, err := net.Dial("tcp", p.upstream)
	if err != nil {
		return
	}
	defer up.Close()
	p.mu.Lock()
	p.conns[c], p.conns[up] = struct{}{}, struct{}{}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, c)
		delete(p.conns, up)
	}()
	f := p.choose()
	var both sync.WaitGroup
	both.Go(func() { f.pass(up, c); up.Close(); c.Close() })
	f.pass(c, up)
	up.Close()
	c.Close()
	both.Wait()
}

// pass copies from one connection to the other until the fate is fulfilled.
func (f fate) pass(to, from net.Conn) {
	buf := make([]byte, 4096)
	for passed := 0; ; {
		n, err := from.Read(buf)
		time.Sleep(f.delay) // the network, whose slowness is what is tested
		if f.name != "pass" && f.name != "delay" && passed+n > f.after {
			f.fulfil(to, from, buf[:n])
			return
		}
		passed += n
		if _, writeErr := to.Write(buf[:n]); errors.Join(err, writeErr) != nil {
			return
		}
	}
}

func (f fate) fulfil(to, from net.Conn, piece []byte) {
	switch f.name {
	case "reset":
		_ = to.(*net.TCPConn).SetLinger(0)
	case "truncate":
		_, _ = to.Write(piece[:len(piece)/2])
	case "swallow":
		_ = from.SetReadDeadline(time.Now().Add(time.Second))
		_, _ = io.Copy(io.Discard, from)
	}
}
