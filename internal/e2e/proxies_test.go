package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/server"
)

// idleLimit is after how long without a byte the proxies of these tests cut a connection.
const idleLimit = 3 * time.Second

// TestBehindProxies runs the configurations that docs/operations.md gives, with time-outs of 3 s: a session that says
// nothing for 15 s lives, by the server's heartbeat alone; without heartbeats the same session dies, which shows that the
// proxies do cut. In both modes.
func TestBehindProxies(t *testing.T) {
	t.Parallel()
	for _, p := range []proxy{nginx, haproxy} {
		for _, tt := range []struct {
			name      string
			heartbeat time.Duration
			lives     bool
		}{{"heartbeat", time.Second, true}, {"none", time.Hour, false}} {
			t.Run(p.name+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				front := p.start(t, startServerWith(t, tt.heartbeat).http, p.impatient)
				for mode, err := range beSilent(t, front.addr, 5*idleLimit) {
					if (err == nil) != tt.lives {
						t.Errorf("%s: after %v of silence: %v", mode, 5*idleLimit, err)
					}
				}
			})
		}
	}
}

// idleVariable says for how long TestBehindProxiesAsDocumented is silent. `make test-long` gives it 3 minutes.
const idleVariable = "RIALTO_E2E_IDLE"

// TestBehindProxiesAsDocumented runs the configurations as docs/operations.md gives them, with the time-outs that they and the
// proxies have, and the server's default heartbeat. A test of short time-outs cannot show that these two fit each other; a
// short run of this one shows only that the configurations work.
func TestBehindProxiesAsDocumented(t *testing.T) {
	t.Parallel()
	silence := time.Second
	if text := os.Getenv(idleVariable); text != "" {
		var err error
		if silence, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s: %v", idleVariable, err)
		}
	}
	for _, p := range []proxy{nginx, haproxy} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			front := p.start(t, startServer(t).http, p.plain)
			for mode, err := range beSilent(t, front.addr, silence) {
				if err != nil {
					t.Errorf("%s: after %v of silence: %v", mode, silence, err)
				}
			}
		})
	}
}

// TestProxyReload reloads a proxy under a session: it lives on, until the time that docs/operations.md says the proxy gives it
// is over, and then the next call finds the proxy that runs now.
func TestProxyReload(t *testing.T) {
	t.Parallel()
	for _, p := range []proxy{nginx, haproxy} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t)
			front := p.start(t, s.http, p.draining)
			cc := dialBridge(t, front.addr)
			before := joinOver(t, cc)
			front.restart(t)
			if err := probe(before); err != nil {
				t.Errorf("right after the reload: %v", err)
			}
			for {
				if _, err := before.Recv(); err != nil {
					if status.Code(err) != codes.Unavailable {
						t.Errorf("the session ended with %v", err)
					}
					break
				}
			}
			if lived := time.Since(front.reloaded); lived < drainLimit/2 {
				t.Errorf("the session lived for %v after the reload, of %v", lived, drainLimit)
			}
			if err := probe(joinOver(t, cc)); err != nil {
				t.Errorf("a session after the reload: %v", err)
			}
		})
	}
}

// beSilent opens a session in each mode, through a proxy, and is silent in all of them for d. Only the server has heartbeats. An
// error says that the session ended before.
func beSilent(t *testing.T, addr string, d time.Duration) map[string]error {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+addr+"/rialto.chat.v1.ChatService/Connect?encoding=json", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if err := ws.WriteMessage(websocket.TextMessage, []byte(`{"join":{"room":"idle"}}`)); err != nil {
		t.Fatal(err)
	}
	stream := joinOver(t, dialBridge(t, addr, bridge.WithHeartbeat(time.Hour)))
	ended := make(chan error, 1)
	go func() { // ends with the connection, at the latest
		for {
			if _, err := stream.Recv(); err != nil {
				ended <- err
				return
			}
		}
	}()
	over := time.After(d)
	ends := map[string]error{"plain": readFor(ws, d), "multiplexed": nil}
	select {
	case ends["multiplexed"] = <-ended:
	case <-over:
	}
	return ends
}

func dialBridge(t *testing.T, addr string, opts ...bridge.DialOption) *bridge.ClientConn {
	t.Helper()
	cc, err := bridge.Dial("ws://"+addr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close() })
	return cc
}

// joinOver begins a session and joins a room.
func joinOver(t *testing.T, cc *bridge.ClientConn) chatv1.ChatService_ConnectClient {
	t.Helper()
	stream, err := chatv1.NewChatServiceClient(cc).Connect(t.Context(), grpc.WaitForReady(true))
	if err == nil {
		err = stream.Send(&chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_Join{Join: &chatv1.Join{Room: "idle"}}})
	}
	for joined := false; err == nil && !joined; {
		var response *chatv1.ConnectResponse
		if response, err = stream.Recv(); err == nil {
			joined = slices.ContainsFunc(response.GetEvents(), func(e *chatv1.Event) bool { return e.GetSnapshot() != nil })
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// probe asks whether a session lives, and waits for the answer.
func probe(stream chatv1.ChatService_ConnectClient) error {
	err := stream.Send(&chatv1.ConnectRequest{})
	for answered := false; err == nil && !answered; {
		var response *chatv1.ConnectResponse
		if response, err = stream.Recv(); err == nil {
			answered = len(response.GetEvents()) == 0 && len(response.GetReplies()) == 0
		}
	}
	return err
}

// readFor takes what comes for d, answering pings on the way. An error says that the connection ended before.
func readFor(ws *websocket.Conn, d time.Duration) error {
	_ = ws.SetReadDeadline(time.Now().Add(d))
	for {
		if _, _, err := ws.ReadMessage(); err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				return nil
			}
			return err
		}
	}
}

// drainLimit is how long a proxy that was reloaded keeps the sessions it has, in TestProxyReload.
const drainLimit = 2 * time.Second

// proxy is a program of Debian's in front of a server.
type proxy struct {
	name    string
	command func(config, dir string) []string
	// reload makes the running process read its configuration again, or says what command does that.
	reload func(old *os.Process) (more []string, err error)
	// Each completes the documented configuration: with what stands around it, with short time-outs, and with the time that sessions
	// have after a reload.
	plain, impatient, draining func(documented, dir string) string
}

var nginx = proxy{
	name: "nginx",
	command: func(config, dir string) []string {
		return []string{"nginx", "-p", dir, "-c", config, "-e", "stderr", "-g", "daemon off;"}
	},
	reload: func(old *os.Process) ([]string, error) { return nil, old.Signal(syscall.SIGHUP) },
	plain:  func(documented, dir string) string { return nginxConfig("", "", documented, dir) },
	impatient: func(documented, dir string) string {
		limits := fmt.Sprintf("proxy_read_timeout %[1]ds; proxy_send_timeout %[1]ds; send_timeout %[1]ds;", int(idleLimit.Seconds()))
		return nginxConfig("", limits, documented, dir)
	},
	draining: func(documented, dir string) string {
		return nginxConfig(fmt.Sprintf("worker_shutdown_timeout %ds;", int(drainLimit.Seconds())), "", documented, dir)
	},
}

func nginxConfig(main, limits, documented, dir string) string {
	return fmt.Sprintf(`pid %[1]s/pid; worker_processes 1; events {} %[2]s
http {
  access_log off;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  %[3]s
%[4]s}
`, dir, main, limits, documented)
}

var haproxy = proxy{
	name:    "haproxy",
	command: func(config, _ string) []string { return []string{"haproxy", "-db", "-f", config} },
	reload:  func(old *os.Process) ([]string, error) { return []string{"-sf", strconv.Itoa(old.Pid)}, nil },
	plain:   func(documented, _ string) string { return documented },
	impatient: func(documented, _ string) string {
		return regexp.MustCompile(`(timeout (?:client|server|tunnel)) .*`).
			ReplaceAllString(documented, fmt.Sprintf("$1 %ds", int(idleLimit.Seconds())))
	},
	draining: func(documented, _ string) string {
		return fmt.Sprintf("global\n  hard-stop-after %ds\n%s", int(drainLimit.Seconds()), documented)
	},
}

// runningProxy is a proxy's process.
type runningProxy struct {
	proxy
	addr     string // where it listens
	args     []string
	process  *os.Process
	reloaded time.Time
}

// start runs the proxy in front of the server at backend until the test ends.
func (p proxy) start(t *testing.T, backend string, configure func(documented, dir string) string) *runningProxy {
	t.Helper()
	dir := t.TempDir()
	front := freeAddress(t)
	documented := documentedConfig(t, p.name)
	documented = strings.ReplaceAll(documented, "localhost:8080", backend)
	listen := regexp.MustCompile(`(listen|bind) \S*?80\b`)
	if !listen.MatchString(documented) {
		t.Fatalf("the documented configuration of %s does not listen on port 80", p.name)
	}
	documented = listen.ReplaceAllString(documented, "$1 "+front)
	config := filepath.Join(dir, p.name+".conf")
	if err := os.WriteFile(config, []byte(configure(documented, dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	running := &runningProxy{proxy: p, addr: front, args: p.command(config, dir)}
	running.run(t, running.args)
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", front)
		if err == nil {
			conn.Close()
			return running
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen: %v", p.name, err)
		}
	}
}

// run starts a process, which the test ends.
func (p *runningProxy) run(t *testing.T, args []string) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (make deps installs it)", err)
	}
	p.process = cmd.Process
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
}

// restart makes the proxy read its configuration again: a new process takes the connections to come.
func (p *runningProxy) restart(t *testing.T) {
	t.Helper()
	p.reloaded = time.Now()
	more, err := p.reload(p.process)
	if err != nil {
		t.Fatal(err)
	}
	if len(more) > 0 {
		p.run(t, append(p.args, more...))
	}
}

// documentedConfig returns the block of docs/operations.md that is marked as the proxy's.
func documentedConfig(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "```"+name+"\n")
	block, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatalf("docs/operations.md has no block for %s", name)
	}
	return block
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestAddressBehindProxies: limits go by where people come from, as the proxies of docs/operations.md pass it on.
func TestAddressBehindProxies(t *testing.T) {
	t.Parallel()
	for _, p := range []proxy{nginx, haproxy} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s := startServerConfig(t, func(cfg *server.Config) {
				cfg.TrustedProxies, cfg.Rates.AddressGuests = []string{"127.0.0.1"}, per10m(1)
			})
			front := p.start(t, s.http, p.plain)
			for _, address := range []string{offenders, newcomers} {
				person := newPerson(wires["bridge"](t, &running{http: front.addr}, address))
				person.guest(t)
				if _, err := person.chat.CreateGuest(t.Context(), &chatv1.CreateGuestRequest{}); status.Code(err) != codes.ResourceExhausted {
					t.Errorf("a second guest from %s: %v", address, err)
				}
			}
		})
	}
}
