package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// idleLimit is after how long without a byte the proxies of these tests cut a connection.
const idleLimit = 3 * time.Second

// TestBehindProxies runs the configurations that docs/operations.md gives, with time-outs of 3 s: a session that says
// nothing for 15 s lives, by the server's heartbeat alone; without heartbeats the same session dies, which shows that the
// proxies do cut.
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
				s := startServerWith(t, tt.heartbeat)
				front := p.start(t, s.http)
				ws, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+front+"/rialto.chat.v1.ChatService/Connect?encoding=json", nil)
				if err != nil {
					t.Fatal(err)
				}
				defer ws.Close()
				if err := ws.WriteMessage(websocket.TextMessage, []byte(`{"join":{"room":"idle"}}`)); err != nil {
					t.Fatal(err)
				}
				if err := readFor(ws, 5*idleLimit); (err == nil) != tt.lives {
					t.Fatalf("after %v of silence: %v", 5*idleLimit, err)
				}
			})
		}
	}
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

// proxy is a program of Debian's in front of a server.
type proxy struct {
	name    string
	command func(config, dir string) []string
	// config completes the documented configuration: with what stands around it, and the time-outs.
	config func(documented, dir string) string
}

var nginx = proxy{
	name: "nginx",
	command: func(config, dir string) []string {
		return []string{"nginx", "-p", dir, "-c", config, "-e", "stderr", "-g", "daemon off;"}
	},
	config: func(documented, dir string) string {
		return fmt.Sprintf(`pid %[1]s/pid; worker_processes 1; events {}
http {
  access_log off;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  proxy_read_timeout %[2]ds; proxy_send_timeout %[2]ds; send_timeout %[2]ds;
%[3]s}
`, dir, int(idleLimit.Seconds()), documented)
	},
}

var haproxy = proxy{
	name:    "haproxy",
	command: func(config, _ string) []string { return []string{"haproxy", "-db", "-f", config} },
	config: func(documented, _ string) string {
		return regexp.MustCompile(`(timeout (?:client|server|tunnel)) .*`).
			ReplaceAllString(documented, fmt.Sprintf("$1 %ds", int(idleLimit.Seconds())))
	},
}

// start runs the proxy in front of the server at backend until the test ends, and returns where it listens.
func (p proxy) start(t *testing.T, backend string) string {
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
	if err := os.WriteFile(config, []byte(p.config(documented, dir)), 0o600); err != nil {
		t.Fatal(err)
	}

	args := p.command(config, dir)
	cmd := exec.Command(args[0], args[1:]...)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (make deps installs it)", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", front)
		if err == nil {
			conn.Close()
			return front
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen: %v", p.name, err)
		}
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
